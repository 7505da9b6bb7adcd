//! Failures in words, for reports, logs and clients.

use std::any::Any;
use std::error::Error;

/// An error with its causes, on one line.
///
/// Tensor errors carry the list of calls that led to them on lines of their own, which is left
/// out; many messages hold that of their cause already, which is told once.
pub fn one_line(error: &dyn Error) -> String {
    let first_line =
        |error: &dyn Error| error.to_string().lines().next().unwrap_or_default().to_owned();
    let mut line = first_line(error);
    let mut cause = error.source();
    while let Some(error) = cause {
        let words = first_line(error);
        if !line.contains(&words) {
            line = format!("{line}: {words}");
        }
        cause = error.source();
    }
    line
}

/// What a panic says, if it says something.
pub fn panic_message(panic: &(dyn Any + Send)) -> Option<&str> {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
}

#[cfg(test)]
mod tests {
    use calico_image::ImageError;

    use super::*;
    use crate::SegmentError;

    #[test]
    fn a_cause_is_told_once_and_on_one_line() {
        let source = std::io::Error::other("no luck\n   0: main");
        let image = ImageError::Unreadable { path: "a.png".into(), source };
        let told = one_line(&SegmentError::Image(image));
        assert_eq!(told, "`a.png` cannot be read: check its permissions and the disk: no luck");
    }

    #[test]
    fn panics_say_something_or_nothing() {
        assert_eq!(panic_message(&"words"), Some("words"));
        assert_eq!(panic_message(&String::from("words")), Some("words"));
        assert_eq!(panic_message(&7), None);
    }
}
