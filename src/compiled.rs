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
//! Not for WebAssembly, where a program is what its user waits for: it would carry every function for both types, whether
//! called or not (2.6 MB in place of what it needs).
//!
//! A test sees that no public operation is missing. The crate in `tests/dependent`
//! measures what is left.

/// Compiles functions with this crate for both element types: `compiled_here!(T: f::<T>, g::<T>)`.
macro_rules! compiled_here {
    ($t:ident: $($function:expr),+ $(,)?) => {
        #[cfg(not(target_family = "wasm"))]
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

    /// A public function of a file: its name, whether it is marked, and whether it is listed.
    struct Function {
        name: String,
        marked: bool,
        listed: bool,
    }

    fn public_functions(path: &Path) -> Vec<Function> {
        let text = fs::read_to_string(path).unwrap();
        let code = text.split("#[cfg(test)]\nmod tests").next().unwrap();
        let lists: String =
            code.split("compiled_here!(").skip(1).filter_map(|rest| rest.split(");").next()).collect();
        let lines: Vec<_> = code.lines().map(str::trim).collect();
        let function = |(i, line): (usize, &&str)| {
            let rest = line.strip_prefix("pub fn ")?;
            let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            let mut above = lines[..i].iter().rev().take_while(|l| l.starts_with("#["));
            let marked = above.any(|l| *l == "#[inline(never)]");
            let listed = lists.contains(&format!("::{name}")) || lists.contains(&format!("{name}::<T>"));
            Some(Function { name, marked, listed })
        };
        lines.iter().enumerate().filter_map(function).collect()
    }

    #[test]
    fn every_public_operation_is_compiled_here() {
        // a few instructions each, without an element type, or shells around what is listed
        let open = [
            "new",
            "tape",
            "shape",
            "len",
            "is_empty",
            "size",
            "input",
            "output",
            "output_number",
            "needs",
            "with",
            "to_vec",
            "count",
            "maximum",
            "minimum",
            "record",
            "record_all",
            "constant",
            "with_value",
            "checkpoint",
        ];
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut files: Vec<_> = ["grad.rs", "forward.rs", "tape.rs", "var.rs", "recompute.rs"]
            .iter()
            .map(|f| source.join(f))
            .collect();
        let operations = fs::read_dir(source.join("ops")).unwrap().map(|entry| entry.unwrap().path());
        files.extend(operations.filter(|path| path.is_file()));
        let mut seen = 0;
        for file in files {
            for Function { name, marked, listed } in public_functions(&file) {
                if name.is_empty() || open.contains(&name.as_str()) {
                    continue; // a macro's row, which lists itself, or one of the above
                }
                seen += 1;
                assert!(marked, "{}: mark {name} with #[inline(never)]", file.display());
                assert!(listed, "{}: list {name} in compiled_here!", file.display());
            }
        }
        assert!(seen > 80, "{seen} functions were found");
    }
}
