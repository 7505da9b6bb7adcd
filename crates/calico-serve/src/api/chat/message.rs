//! The message of a chat as a question about pictures.

use serde::de::{Error as _, SeqAccess};
use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;

use crate::incoming::{Structured, TextOr, Upload, check_count, of_seq};
use crate::problem::Problem;
use crate::settings::Limits;

/// Stands for a picture in a question, at its place.
const PLACE: &str = "<image>";

/// A message of a chat.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct ChatMessage {
    /// Who says it: `user`.
    #[schema(value_type = ChatRole)]
    role: String,
    #[serde(deserialize_with = "ChatContent::read")]
    content: ChatContent,
}

/// Who may say something.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[expect(dead_code, reason = "describes a text, so that other roles are refused with advice")]
enum ChatRole {
    User,
}

/// Text, or text and pictures.
#[derive(Debug, ToSchema)]
#[serde(untagged)]
pub(crate) enum ChatContent {
    /// Text alone.
    Text(String),
    /// Pictures and text.
    Parts(Vec<ChatPart>),
}

/// A piece of a message.
#[derive(Debug, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum ChatPart {
    /// A piece of text.
    Text {
        /// The words.
        text: String,
    },
    /// A picture.
    ImageUrl {
        /// Where it is.
        image_url: ChatImage,
    },
}

/// A part as it is read; its type says which of the others it has.
#[derive(Deserialize)]
struct AnyPart {
    r#type: String,
    #[serde(default)]
    text: Option<String>,
    #[serde(default)]
    image_url: Option<ChatImage>,
}

struct AnyParts(Vec<AnyPart>);

/// What the content of a message may be.
const CONTENT: &str = "text, or a list of parts of the type text, with a text, or image_url, with \
                       an image_url that has a url";

impl<'de> Structured<'de> for AnyParts {
    const EXPECTED: &'static str = CONTENT;

    fn of_seq<A: SeqAccess<'de>>(seq: A) -> Result<Self, A::Error> {
        of_seq(seq).map(Self)
    }
}

impl ChatContent {
    /// Reads the content of a message.
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let part = |part: AnyPart| match (part.r#type.as_str(), part.text, part.image_url) {
            ("text", Some(text), _) => Ok(ChatPart::Text { text }),
            ("image_url", _, Some(image_url)) => Ok(ChatPart::ImageUrl { image_url }),
            _ => Err(D::Error::custom(format!("a part of another kind; expected {CONTENT}"))),
        };
        match TextOr::<AnyParts>::deserialize(deserializer)? {
            TextOr::Text(text) => Ok(Self::Text(text)),
            TextOr::Other(AnyParts(parts)) => {
                parts.into_iter().map(part).collect::<Result<_, _>>().map(Self::Parts)
            }
        }
    }
}

/// Where a picture is.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct ChatImage {
    /// A `data:` URI in base64 or, where the service allows it, an `https:` address.
    #[schema(pattern = "^(data|https?):")]
    url: String,
}

/// The question, if there is text, and the pictures of a chat.
pub(super) fn read(
    messages: Vec<ChatMessage>,
    limits: &Limits,
) -> Result<(Option<String>, Vec<Upload>), Problem> {
    let count = messages.len();
    let mut messages = messages.into_iter();
    let (Some(message), None) = (messages.next(), messages.next()) else {
        let detail = format!(
            "the chat has {count} messages; the model answers one question, so send one message \
             of the role user"
        );
        return Err(Problem::bad(detail));
    };
    if message.role != "user" {
        let detail = format!("the message has the role {:?}; expected user", message.role);
        return Err(Problem::bad(detail));
    }
    let parts = match message.content {
        ChatContent::Text(text) => vec![ChatPart::Text { text }],
        ChatContent::Parts(parts) => parts,
    };
    let (mut texts, mut uploads) = (Vec::new(), Vec::new());
    for part in parts {
        match part {
            ChatPart::Text { text } if text.trim().is_empty() => {}
            ChatPart::Text { text } => texts.push((uploads.len(), text)),
            ChatPart::ImageUrl { image_url } => {
                let number = uploads.len() + 1;
                check_count(number, limits)?;
                let url = image_url.url;
                if !["data:", "http:", "https:"].iter().any(|scheme| {
                    url.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
                }) {
                    let detail = format!(
                        "image {number} is no data URI and no address; expected \
                         data:image/png;base64,…"
                    );
                    return Err(Problem::bad(detail));
                }
                uploads.push(Upload::of_text(number, url, None)?);
            }
        }
    }
    check_count(uploads.len(), limits)?;
    Ok((prompt(&texts, uploads.len()), uploads))
}

/// The texts as one question, given how many pictures come before each. Pictures between texts
/// keep their places; pictures before or after all of the text go where the model expects them.
fn prompt(texts: &[(usize, String)], images: usize) -> Option<String> {
    let (&(first, _), &(last, _)) = (texts.first()?, texts.last()?);
    if first == last {
        let words: Vec<&str> = texts.iter().map(|(_, text)| text.trim()).collect();
        return Some(words.join(" "));
    }
    let (mut words, mut placed) = (Vec::new(), 0);
    for (before, text) in texts {
        words.extend(std::iter::repeat_n(PLACE, before - placed));
        words.push(text.trim());
        placed = *before;
    }
    words.extend(std::iter::repeat_n(PLACE, images - placed));
    Some(words.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(parts: &[&str]) -> Result<(Option<String>, usize), Problem> {
        let part = |text: &&str| match *text {
            "IMAGE" => r#"{"type": "image_url", "image_url": {"url": "data:;base64,aGk="}}"#.into(),
            text => format!(r#"{{"type": "text", "text": {text:?}}}"#),
        };
        let parts: Vec<String> = parts.iter().map(part).collect();
        let text = format!(r#"[{{"role": "user", "content": [{}]}}]"#, parts.join(","));
        let (prompt, uploads) = read(serde_json::from_str(&text).unwrap(), &Limits::default())?;
        Ok((prompt, uploads.len()))
    }

    #[test]
    fn pictures_between_texts_keep_their_places() {
        let prompt = |parts: &[&str]| asked(parts).unwrap().0.unwrap();
        assert_eq!(prompt(&["IMAGE", "IMAGE", "Which", "differ?"]), "Which differ?");
        assert_eq!(prompt(&["Which differ?", "IMAGE", "IMAGE"]), "Which differ?");
        assert_eq!(
            prompt(&["IMAGE", "shows a cup, and", "IMAGE", "IMAGE", "differ how?", "IMAGE"]),
            "<image> shows a cup, and <image> <image> differ how? <image>"
        );
    }

    #[test]
    fn pictures_alone_are_no_question() {
        assert_eq!(asked(&["IMAGE", " ", "IMAGE"]).unwrap(), (None, 2));
        assert!(asked(&["words"]).unwrap_err().detail.contains("no image"));
    }

    #[test]
    fn a_chat_has_one_message_of_a_user() {
        for text in [
            r"[]",
            r#"[{"role": "system", "content": "x"}]"#,
            r#"[{"role": "user", "content": "x"}, {"role": "user", "content": "x"}]"#,
        ] {
            let messages = serde_json::from_str(text).unwrap();
            let problem = read(messages, &Limits::default()).unwrap_err();
            assert!(problem.detail.contains("user"), "{}", problem.detail);
        }
        let odd = r#"[{"role": "user", "content": [{"type": "audio"}]}]"#;
        let error = serde_json::from_str::<Vec<ChatMessage>>(odd).unwrap_err().to_string();
        assert!(error.contains("list of parts"), "{error}");
    }
}
