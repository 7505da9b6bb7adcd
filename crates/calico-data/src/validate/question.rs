/// What shows an image in a question.
const IMAGE: &str = "<image>";

/// Why a question does not show `images` images, each once and in order, as `<image> (IMAGE1)`.
pub(super) fn fault(question: &str, images: usize) -> Option<String> {
    for tag in ["[SEG]", "<p>", "</p>"] {
        if question.contains(tag) {
            return Some(format!("{tag}, which belongs into an answer"));
        }
    }
    let mut shown = 0;
    let mut rest = question;
    while let Some((_, after)) = rest.split_once(IMAGE) {
        shown += 1;
        let expected = format!(" (IMAGE{shown})");
        if !after.starts_with(&expected) {
            return Some(format!("no{expected} behind <image> number {shown}"));
        }
        rest = &after[expected.len()..];
    }
    (shown != images).then(|| format!("{shown} of {IMAGE}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_shown_once_and_in_order() {
        let good = "<image> (IMAGE1) <image> (IMAGE2) Both are above; (IMAGE1) is a dog.";
        assert_eq!(fault(good, 2), None);
        for (question, images) in [
            (good, 3),
            (good, 1),
            ("<image> (IMAGE2) and <image> (IMAGE1)", 2),
            ("<image> (IMAGE1) and <image> (IMAGE1)", 2),
            ("<image>(IMAGE1) and <image> (IMAGE2)", 2),
            ("<image> (IMAGE1) and <image> (IMAGE2) [SEG]", 2),
            ("", 2),
        ] {
            assert!(fault(question, images).is_some(), "{question}");
        }
    }
}
