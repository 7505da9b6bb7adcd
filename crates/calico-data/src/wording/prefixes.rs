use super::Sentence;
use super::template_file::{Images, Prefix};

/// Where a prefix lists the images.
const LIST: &str = "{images}";

/// The sentences that show the images.
#[derive(Debug)]
pub(super) struct Prefixes {
    of_two: Vec<Sentence>,
    /// Each with one [`LIST`].
    of_more: Vec<Sentence>,
}

impl Prefixes {
    /// Sorts them, or says what is wrong with one.
    pub(super) fn new(prefixes: Vec<Prefix>) -> Result<Self, String> {
        let (mut of_two, mut of_more) = (Vec::new(), Vec::new());
        for Prefix { id, images, text } in prefixes {
            let times = |part: &str| text.matches(part).count();
            let is_right = match images {
                Images::Two => {
                    times(&shown(1)) == 1 && times(&shown(2)) == 1 && times("<image>") == 2
                }
                Images::More => times(LIST) == 1 && times("<image>") == 0,
                Images::Any => false,
            };
            if !is_right {
                return Err(format!("prefix {id} does not show two images, or a list, once"));
            }
            let kind = if images == Images::Two { &mut of_two } else { &mut of_more };
            kind.push(Sentence { id, text });
        }
        if of_two.is_empty() || of_more.is_empty() {
            return Err("expected prefixes of two images and of more".to_owned());
        }
        Ok(Self { of_two, of_more })
    }

    /// Those for a number of images.
    pub(super) fn of(&self, images: usize) -> &[Sentence] {
        if images == 2 { &self.of_two } else { &self.of_more }
    }
}

/// The sentence with its list of images, joined as the prompt of a model joins them.
pub(super) fn filled(prefix: &str, images: usize) -> String {
    let all: Vec<String> = (1..=images).map(shown).collect();
    let list = match all.as_slice() {
        [most @ .., last] if !most.is_empty() => format!("{} and {last}", most.join(", ")),
        _ => all.concat(),
    };
    prefix.replace(LIST, &list)
}

fn shown(image: usize) -> String {
    format!("<image> (IMAGE{image})")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_listed_as_in_a_prompt() {
        assert_eq!(filled("Look at {images}.", 1), "Look at <image> (IMAGE1).");
        assert_eq!(
            filled("The {images} provide an overview of the pictures.", 3),
            "The <image> (IMAGE1), <image> (IMAGE2) and <image> (IMAGE3) provide an overview of \
             the pictures."
        );
    }

    #[test]
    fn a_prefix_that_does_not_show_its_images_is_refused() {
        let prefix = |images, text: &str| Prefix { id: "X".to_owned(), images, text: text.into() };
        let two = "<image> (IMAGE1) and <image> (IMAGE2)";
        assert!(Prefixes::new(vec![prefix(Images::Two, two), prefix(Images::More, LIST)]).is_ok());
        for wrong in [
            prefix(Images::Two, "<image> (IMAGE1)"),
            prefix(Images::Two, LIST),
            prefix(Images::More, two),
            prefix(Images::More, "{images} {images}"),
            prefix(Images::Any, two),
        ] {
            let all = vec![prefix(Images::Two, two), prefix(Images::More, LIST), wrong];
            assert!(Prefixes::new(all).is_err());
        }
        assert!(Prefixes::new(vec![prefix(Images::Two, two)]).is_err());
    }
}
