//! The networks by name, and which of them fits which inputs.

use clap::ValueEnum;
use innerloop::{
    Conv4, Downsample, EmbeddingBag, Error, Mlp, Model, R2d2Net, ResNet12, Result, TextConv, TextLstm,
    WordTable,
};

use crate::data::{Inputs, Source};
use crate::settings::Settings;

/// A network whose kind is chosen when the program runs.
pub type Net = Box<dyn Model<f32>>;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Network {
    /// Four convolutions of stride 2 (images)
    Strided,
    /// Four convolutions with max-pooling (images)
    Pooled,
    /// ResNet-12 with 64 to 512 channels (images)
    Resnet12,
    /// ResNet-12 with 64 to 640 channels (images)
    Resnet12Wide,
    /// The network of R2D2 (images)
    R2d2,
    /// The mean of learned word vectors (sentences)
    Bag,
    /// Convolutions over the words (sentences)
    TextConv,
    /// An LSTM in both directions over the words (sentences)
    TextLstm,
    /// Two hidden layers (vectors)
    Mlp,
}

impl Source {
    /// The network of the settings, or the learner's published one if it fits, or else the usual one for such inputs; with
    /// an output for each of `outputs` classes, or without a head.
    pub fn network(&self, settings: &Settings, published: Network, outputs: Option<usize>) -> Result<Net> {
        let usual = match self.inputs {
            Inputs::Images([height, ..]) if height > 32 => Network::Pooled, // strides lose too much of a photograph
            Inputs::Images(_) => published,
            Inputs::Words(_) => Network::TextConv,
            Inputs::Vectors(_) => Network::Mlp,
        };
        let network = settings.network.unwrap_or(usual);
        let filters = settings.filters.unwrap_or(64);
        Ok(match (network, self.inputs) {
            (Network::Strided, Inputs::Images(image)) => {
                Box::new(Conv4::new(image, filters, Downsample::Stride, outputs)?)
            }
            (Network::Pooled, Inputs::Images(image)) => {
                Box::new(Conv4::new(image, filters, Downsample::MaxPool, outputs)?)
            }
            (Network::Resnet12, Inputs::Images(image)) => Box::new(ResNet12::narrow(image, outputs)?),
            (Network::Resnet12Wide, Inputs::Images(image)) => Box::new(ResNet12::wide(image, outputs)?),
            (Network::R2d2, Inputs::Images(image)) if outputs.is_none() => Box::new(R2d2Net::new(image)?),
            (Network::Bag, Inputs::Words(words)) if settings.vectors.is_none() => {
                Box::new(EmbeddingBag::new(words, settings.width, outputs)?)
            }
            (Network::TextConv, Inputs::Words(words)) => {
                Box::new(TextConv::new(self.table(words, settings)?, &[1, 2, 3], settings.width, outputs)?)
            }
            (Network::TextLstm, Inputs::Words(words)) => {
                let lstm = TextLstm::new(self.table(words, settings)?, settings.width / 2, outputs)?;
                Box::new(lstm.bidirectional())
            }
            (Network::Mlp, Inputs::Vectors(width)) => {
                let last = outputs.unwrap_or(settings.width);
                Box::new(Mlp::new(&[width, settings.width, settings.width, last])?)
            }
            (_, inputs) => {
                let need = match inputs {
                    Inputs::Images(_) => {
                        "strided, pooled, resnet12 or resnet12-wide, or r2d2 for a metric learner: the data are images"
                    }
                    Inputs::Words(_) => {
                        "text-conv, text-lstm, or bag without --vectors: the data are sentences"
                    }
                    Inputs::Vectors(_) => "mlp: the data are vectors",
                };
                return Err(Error::Setting { name: "network", value: Settings::name(network), need });
            }
        })
    }

    /// The given vectors of words, or a table to learn.
    fn table(&self, words: usize, settings: &Settings) -> Result<WordTable> {
        match self.sentences.as_ref().and_then(|sentences| sentences.vectors.as_ref()) {
            Some(vectors) => Ok(vectors.into()),
            None => WordTable::learned(words, settings.width),
        }
    }

    /// The shape of images, for a learner that takes nothing else.
    pub fn image(&self) -> [usize; 3] {
        match self.inputs {
            Inputs::Images(image) => image,
            _ => unreachable!("checked: a learner for images only is not run on other data"),
        }
    }
}
