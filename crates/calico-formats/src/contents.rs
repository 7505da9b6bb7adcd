use std::collections::BTreeMap;

use crate::source::Source;
use crate::{Element, FormatError, List, StoredTensor, limits};

/// Names that are listed as doubled before a file is given up.
const DOUBLED: usize = 1000;
/// Bytes over which the values of any tensor may be spread; all of them are read at once.
const MOST_STRETCHED: u64 = 64 << 20;
/// Characters of a name that an error shows.
const SHOWN: usize = 80;

/// What a header says.
#[derive(Debug, Default)]
pub(crate) struct Contents {
    /// By name.
    pub(crate) tensors: BTreeMap<String, StoredTensor>,
    /// Names that appear more than once, each once and in order; the first of each is in
    /// `tensors`.
    pub(crate) doubled: Vec<String>,
    /// What else the header says, as text.
    pub(crate) notes: BTreeMap<String, String>,
    /// Of what else the header says, that which is a list.
    pub(crate) lists: BTreeMap<String, List>,
    /// Bytes that the header takes, where the format has one.
    pub(crate) header_bytes: u64,
}

impl Contents {
    /// Adds a tensor after it was checked: its name and axes are bounded, its values can be
    /// counted and lie in the file, and it is no larger than the file, so that a small file with
    /// overlapping values cannot ask for much memory.
    pub(crate) fn add(
        &mut self,
        source: &Source,
        name: String,
        tensor: StoredTensor,
    ) -> Result<(), FormatError> {
        if name.len() > limits::NAME_BYTES {
            let reason = format!(
                "the name of a tensor, `{}`, takes {} bytes; expected at most {}",
                shown(&name),
                name.len(),
                limits::NAME_BYTES
            );
            return Err(source.broken("header", reason));
        }
        if let Err(reason) = check(source, &tensor) {
            return Err(source.broken(&of_tensor(&name), reason));
        }
        if self.tensors.contains_key(&name) {
            return self.add_doubled(source, name);
        }
        if self.tensors.len() >= limits::TENSORS {
            let reason = format!("found more than {} tensors", limits::TENSORS);
            return Err(source.broken("header", reason));
        }
        self.tensors.insert(name, tensor);
        Ok(())
    }

    fn add_doubled(&mut self, source: &Source, name: String) -> Result<(), FormatError> {
        let Err(place) = self.doubled.binary_search(&name) else {
            return Ok(());
        };
        if self.doubled.len() >= DOUBLED {
            let reason = format!("more than {DOUBLED} names stand for several tensors each");
            return Err(source.broken("header", reason));
        }
        self.doubled.insert(place, name);
        Ok(())
    }
}

/// A name as an error shows it: on one line, and not all of a very long one.
pub(crate) fn shown(name: &str) -> String {
    let mut start: String = name.chars().take(SHOWN).flat_map(char::escape_debug).collect();
    if name.chars().nth(SHOWN).is_some() {
        start.push('…');
    }
    start
}

/// A tensor as the place of an error.
pub(crate) fn of_tensor(name: &str) -> String {
    format!("tensor `{}`", shown(name))
}

/// What is wrong with a tensor.
fn check(source: &Source, tensor: &StoredTensor) -> Result<(), String> {
    let (shape, element) = (&tensor.shape, tensor.element);
    if shape.len() > limits::AXES {
        return Err(format!("found {} axes, expected at most {}", shape.len(), limits::AXES));
    }
    if let Some(strides) = &tensor.layout.strides {
        if strides.len() != shape.len() {
            let (strides, axes) = (strides.len(), shape.len());
            return Err(format!("found {strides} strides for {axes} axes"));
        }
        if matches!(element, Element::Block(_)) {
            return Err(format!("found strides, but blocks of {element} cannot be taken apart"));
        }
    }
    // An axis without values must not hide others that overflow: their product is taken later.
    let countable = shape.iter().try_fold(1u64, |all, &axis| all.checked_mul(axis.max(1) as u64));
    let bytes = countable.and_then(|_| element.bytes_of(tensor.values()));
    let Some(bytes) = bytes else {
        return Err(format!("its shape {shape:?} does not make up whole values of {element}"));
    };
    let span = tensor.span().ok_or_else(|| format!("its strides overflow, its shape is {shape:?}"));
    let (start, span) = (tensor.layout.start, span?);
    if !source.holds(start, span) {
        return Err(format!(
            "its values take {span} bytes from byte {start}, but the file has {} bytes; \
             it may be cut off: copy or download it again",
            source.len()
        ));
    }
    if span > MOST_STRETCHED.max(bytes.saturating_mul(4)) {
        return Err(format!(
            "its {bytes} bytes are spread over {span}; expected values that lie together: \
             save a copy of it, as `.contiguous()` makes one"
        ));
    }
    if bytes > source.len() {
        return Err(format!(
            "its shape {shape:?} takes {bytes} bytes, more than the file; \
             expected a tensor whose values are all stored"
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::{BlockFormat, Layout};

    const BYTES: usize = 96;

    fn add(contents: &mut Contents, name: &str, tensor: StoredTensor) -> Result<(), String> {
        let source = Source::in_memory(Path::new("model"), vec![0; BYTES]);
        contents.add(&source, name.to_owned(), tensor).map_err(|error| error.to_string())
    }

    fn tensor(shape: &[usize], start: u64, strides: Option<&[u64]>) -> StoredTensor {
        let layout = Layout { start, strides: strides.map(<[u64]>::to_vec) };
        StoredTensor { element: Element::F32, shape: shape.to_vec(), layout }
    }

    fn reason(tensor: StoredTensor) -> String {
        add(&mut Contents::default(), "a", tensor).unwrap_err()
    }

    #[test]
    fn a_tensor_fills_the_file_to_its_last_byte_and_no_further() {
        let mut contents = Contents::default();
        add(&mut contents, "whole", tensor(&[4, 6], 0, None)).unwrap();
        add(&mut contents, "last", tensor(&[], 92, None)).unwrap();
        add(&mut contents, "empty", tensor(&[3, 0], 96, None)).unwrap();
        assert_eq!(contents.tensors.len(), 3);
        assert!(reason(tensor(&[4, 6], 1, None)).contains("cut off"));
        assert!(reason(tensor(&[], 93, None)).contains("4 bytes from byte 93"));
        assert!(reason(tensor(&[0], 97, None)).contains("0 bytes from byte 97"));
        assert!(reason(tensor(&[1], u64::MAX, None)).contains("cut off"));
    }

    #[test]
    fn products_that_overflow_are_found_in_any_order_of_the_axes() {
        let huge = 1usize << 62;
        for shape in [[huge, 4, 1], [huge, huge, 0], [0, huge, huge], [huge, 0, huge]] {
            assert!(reason(tensor(&shape, 0, None)).contains("whole values"), "{shape:?}");
        }
        assert!(reason(tensor(&[huge], 0, None)).contains("whole values"));
    }

    #[test]
    fn strides_must_fit_the_axes_stay_in_the_file_and_not_overflow() {
        let mut contents = Contents::default();
        add(&mut contents, "turned", tensor(&[6, 4], 0, Some(&[1, 6]))).unwrap();
        add(&mut contents, "void", tensor(&[0, 4], 0, Some(&[1 << 60, 1 << 60]))).unwrap();
        assert!(reason(tensor(&[6, 4], 0, Some(&[1]))).contains("1 strides for 2 axes"));
        assert!(reason(tensor(&[6, 4], 0, Some(&[1, 7]))).contains("cut off"));
        assert!(reason(tensor(&[6, 4], 0, Some(&[1, 1 << 63]))).contains("strides overflow"));
        assert!(reason(tensor(&[2, 1], 0, Some(&[u64::MAX, 1]))).contains("strides overflow"));
    }

    #[test]
    fn values_that_lie_far_apart_are_refused() {
        let scratch = tempfile::NamedTempFile::new().unwrap();
        scratch.as_file().set_len(4 * MOST_STRETCHED).unwrap();
        let source = Source::open(scratch.path()).unwrap();
        let two = |stride| tensor(&[2], 0, Some(&[stride]));
        assert_eq!(check(&source, &two(MOST_STRETCHED / 4 - 1)), Ok(()));
        let reason = check(&source, &two(MOST_STRETCHED / 4)).unwrap_err();
        assert!(reason.contains("its 8 bytes are spread over 67108868"), "{reason}");
        let columns = tensor(&[1 << 22, 4], 0, Some(&[16, 1]));
        assert_eq!(check(&source, &columns), Ok(()));
    }

    #[test]
    fn few_bytes_that_stand_for_many_values_are_refused() {
        let reason = reason(tensor(&[1 << 20], 0, Some(&[0])));
        assert!(reason.contains("expected a tensor whose values are all stored"), "{reason}");
    }

    #[test]
    fn blocks_are_whole_and_lie_in_one_piece() {
        let element = Element::Block(BlockFormat::Q8_0);
        let of = |shape: &[usize], strides| StoredTensor { element, ..tensor(shape, 0, strides) };
        add(&mut Contents::default(), "a", of(&[2, 32], None)).unwrap();
        assert!(reason(of(&[33], None)).contains("whole values of q8_0"));
        assert!(reason(of(&[2, 32], Some(&[1, 2]))).contains("cannot be taken apart"));
    }

    #[test]
    fn a_doubled_name_keeps_its_first_tensor_and_is_listed_once() {
        let mut contents = Contents::default();
        for (name, start) in [("b", 0), ("a", 4), ("b", 8), ("a", 12), ("b", 16)] {
            add(&mut contents, name, tensor(&[1], start, None)).unwrap();
        }
        assert_eq!(contents.doubled, ["a", "b"]);
        assert_eq!(contents.tensors["b"].layout.start, 0);
        assert_eq!(contents.tensors["a"].layout.start, 4);
    }

    #[test]
    fn a_file_with_endless_doubled_names_is_given_up() {
        let mut contents = Contents::default();
        let mut twice = |name: &str| {
            add(&mut contents, name, tensor(&[1], 0, None))?;
            add(&mut contents, name, tensor(&[1], 4, None))
        };
        for number in 0..DOUBLED {
            twice(&format!("{number}")).unwrap();
        }
        assert!(twice("one more").unwrap_err().contains("more than 1000 names"));
    }

    #[test]
    fn names_are_bounded_and_shown_on_one_line() {
        let long = "n".repeat(limits::NAME_BYTES);
        let mut contents = Contents::default();
        add(&mut contents, &long, tensor(&[], 0, None)).unwrap();
        let longer = add(&mut contents, &format!("{long}n"), tensor(&[], 0, None)).unwrap_err();
        assert!(longer.contains("takes 1025 bytes") && longer.len() < 300, "{longer}");
        let broken = add(&mut contents, "a\n\u{1b}[2J", tensor(&[], 99, None)).unwrap_err();
        assert!(broken.contains(r"tensor `a\n\u{1b}[2J`"), "{broken}");
    }
}
