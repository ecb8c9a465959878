//! Compiling generic functions once, with this crate.
//!
//! A generic function is compiled in the crate that calls it, with that crate's profile:
//! in a program that is not optimised, the engine would not be either. A function marked
//! `#[inline(never)]` is different: where a dependency holds a compiled instance, the
//! compiler takes that one, in optimised and unoptimised builds alike. So
//!
//! - what is generic in the element type alone and takes time is marked `#[inline(never)]`
//!   where a user's code enters it, and listed, next to its code, with the macro below, so
//!   that this crate holds it for `f32` and `f64`; what it calls is compiled along with it;
//! - what is generic in more than that (a learner, a model, a user's operation) is a short
//!   shell around a function that takes `&dyn`.
//!
//! A test sees that no public operation is missing. The crate in `tests/dependent`
//! measures what is left.

/// Compiles functions with this crate for both element types: `compiled_here!(T: f::<T>, g::<T>)`.
macro_rules! compiled_here {
    ($t:ident: $($function:expr),+ $(,)?) => {
        const _: () = {
            fn functions<$t: $crate::Real>() {
                $(std::hint::black_box($function as *const ());)+
            }
            #[used] // never called: it is enough that it is compiled
            static FUNCTIONS: [fn(); 2] = [functions::<f32>, functions::<f64>];
        };
    };
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    /// Methods of a few instructions, which a caller may as well compile itself.
    const TRIVIAL: [&str; 6] = ["new", "tape", "shape", "len", "is_empty", "size"];

    /// Name and file of every public function of the files, with whether it is marked.
    fn public_functions(files: &[&str]) -> Vec<(String, String, bool)> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut paths: Vec<_> = files.iter().map(|f| root.join(f)).collect();
        paths.extend(fs::read_dir(root.join("ops")).unwrap().map(|entry| entry.unwrap().path()));
        let mut found = Vec::new();
        for path in paths {
            let text = fs::read_to_string(&path).unwrap();
            let code = text.split("#[cfg(test)]\nmod tests").next().unwrap();
            let lines: Vec<_> = code.lines().map(str::trim).collect();
            for (i, line) in lines.iter().enumerate() {
                let Some(rest) = line.strip_prefix("pub fn ") else { continue };
                let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                let above = lines[..i].iter().rev().take_while(|l| l.starts_with("#["));
                let marked = above.into_iter().any(|l| *l == "#[inline(never)]");
                let generic = code.contains("T: Real");
                if generic && !TRIVIAL.contains(&name.as_str()) {
                    found.push((name, path.file_name().unwrap().to_string_lossy().into_owned(), marked));
                }
            }
        }
        found
    }

    #[test]
    fn every_public_operation_is_compiled_here() {
        // generic in more than the element type: a function of the user's, or its operation
        let open = ["record", "record_all", "constant", "with_value", "checkpoint"];
        let functions = public_functions(&["grad.rs", "forward.rs", "tape.rs", "var.rs"]);
        assert!(functions.len() > 80, "{} functions were found", functions.len());
        for (name, file, marked) in functions {
            if open.contains(&name.as_str()) {
                continue;
            }
            assert!(marked, "{file}: mark {name} with #[inline(never)]");
            let listed = [format!("::{name}"), format!("{name}::<T>")].iter().any(|n| list.contains(n));
            assert!(listed, "{file}: name {name} in `instances`");
        }
    }
}
