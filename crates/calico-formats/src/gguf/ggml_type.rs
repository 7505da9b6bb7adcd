use crate::{BlockFormat, Element};

/// Types of ggml that are read and written.
const ELEMENTS: [(u32, Element); 18] = [
    (0, Element::F32),
    (1, Element::F16),
    (2, Element::Block(BlockFormat::Q4_0)),
    (3, Element::Block(BlockFormat::Q4_1)),
    (6, Element::Block(BlockFormat::Q5_0)),
    (7, Element::Block(BlockFormat::Q5_1)),
    (8, Element::Block(BlockFormat::Q8_0)),
    (10, Element::Block(BlockFormat::Q2K)),
    (11, Element::Block(BlockFormat::Q3K)),
    (12, Element::Block(BlockFormat::Q4K)),
    (13, Element::Block(BlockFormat::Q5K)),
    (14, Element::Block(BlockFormat::Q6K)),
    (24, Element::Int(1)),
    (25, Element::Int(2)),
    (26, Element::Int(4)),
    (27, Element::Int(8)),
    (28, Element::F64),
    (30, Element::Bf16),
];

/// Types of ggml that are only known by name.
const OTHERS: [(u32, &str); 18] = [
    (4, "q4_2"),
    (5, "q4_3"),
    (9, "q8_1"),
    (15, "q8_k"),
    (16, "iq2_xxs"),
    (17, "iq2_xs"),
    (18, "iq3_xxs"),
    (19, "iq1_s"),
    (20, "iq4_nl"),
    (21, "iq3_s"),
    (22, "iq2_s"),
    (23, "iq4_xs"),
    (29, "iq1_m"),
    (34, "tq1_0"),
    (35, "tq2_0"),
    (39, "mxfp4"),
    (40, "nvfp4"),
    (41, "q1_0"),
];

/// The type with a number.
pub(super) fn element(number: u32) -> Option<Element> {
    ELEMENTS.iter().find(|(known, _)| *known == number).map(|(_, element)| *element)
}

/// The number of a type.
pub(super) fn number(element: Element) -> Option<u32> {
    ELEMENTS.iter().find(|(_, known)| *known == element).map(|(number, _)| *number)
}

/// A type that is not read, for an error.
pub(super) fn describe(number: u32) -> String {
    match OTHERS.iter().find(|(known, _)| *known == number) {
        Some((_, name)) => (*name).to_owned(),
        None => format!("type {number} of ggml"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_stands_for_one_type() {
        let numbers = ELEMENTS.iter().map(|(number, _)| number);
        let mut numbers: Vec<_> = numbers.chain(OTHERS.iter().map(|(number, _)| number)).collect();
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), ELEMENTS.len() + OTHERS.len());
    }

    #[test]
    fn every_type_goes_there_and_back() {
        for (known, expected) in ELEMENTS {
            assert_eq!(element(known), Some(expected));
            assert_eq!(number(expected), Some(known));
        }
        assert_eq!(element(20), None);
        assert_eq!(number(Element::Bool), None);
        assert_eq!(describe(20), "iq4_nl");
        assert_eq!(describe(99), "type 99 of ggml");
    }
}
