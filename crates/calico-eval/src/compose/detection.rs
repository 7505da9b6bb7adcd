use calico_annotation::Segmentation;
use serde::Deserialize;

/// One entry of a file of detections; fields that are not named here are passed over.
#[derive(Debug, Deserialize)]
pub(super) struct Detection {
    pub(super) image_id: ImageKey,
    pub(super) score: f64,
    pub(super) segmentation: Segmentation,
    #[serde(default)]
    category_id: Option<i64>,
    #[serde(default)]
    label: Option<String>,
    #[serde(default)]
    object: Option<String>,
    #[serde(default)]
    part: Option<String>,
}

/// An image as it is named in the file.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Deserialize)]
#[serde(untagged)]
pub(super) enum ImageKey {
    Number(i64),
    Name(String),
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Thing {
    pub(super) object: String,
    pub(super) part: Option<String>,
}

impl Thing {
    /// `dog`, or `dog:head`.
    fn named(name: &str) -> Self {
        match name.split_once(':') {
            Some((object, part)) => Self { object: object.to_owned(), part: Some(part.to_owned()) },
            None => Self { object: name.to_owned(), part: None },
        }
    }
}

impl Detection {
    /// What was found, or what is wrong with how it is named.
    pub(super) fn thing<'a>(
        &self,
        category: impl Fn(i64) -> Option<&'a str>,
    ) -> Result<Thing, String> {
        match (&self.object, &self.part, &self.label, self.category_id) {
            (Some(object), part, _, _) => Ok(Thing { object: object.clone(), part: part.clone() }),
            (None, Some(_), _, _) => Err("it has `part` and no `object`; add it".to_owned()),
            (None, None, Some(label), _) => Ok(Thing::named(label)),
            (None, None, None, Some(id)) => category(id).map(Thing::named).ok_or_else(|| {
                format!(
                    "its category {id} has no name; give a COCO file with `categories`, or labels \
                     in place"
                )
            }),
            (None, None, None, None) => {
                Err("it has no label; add `category_id`, `label`, or `object` and `part`"
                    .to_owned())
            }
        }
    }
}
