//! A name map as it is written.

use std::collections::BTreeMap;

use serde::Deserialize;

/// The keys of a name map; the crate's page says what each means.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenMap {
    pub(super) title: String,
    pub(super) certain: bool,
    pub(super) refuse: Option<String>,
    #[serde(default)]
    pub(super) recognise: Vec<String>,
    #[serde(default, rename = "use")]
    pub(super) uses: Vec<WrittenUse>,
    #[serde(default)]
    pub(super) ignore: Vec<String>,
    #[serde(default)]
    pub(super) same: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) names: BTreeMap<String, OneOrMore>,
    #[serde(default)]
    pub(super) rotary: BTreeMap<String, OneOrMore>,
    #[serde(default)]
    pub(super) stack: Vec<WrittenStack>,
    #[serde(default)]
    pub(super) cut: Vec<WrittenCut>,
}

/// Another map, and what stands before its names.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenUse {
    pub(super) map: String,
    #[serde(default)]
    pub(super) at: String,
}

#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "expected a name in quotes, or a list of names")]
pub(super) enum OneOrMore {
    One(String),
    More(Vec<String>),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenStack {
    pub(super) from: Vec<String>,
    pub(super) to: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenCut {
    pub(super) from: String,
    pub(super) to: Vec<String>,
}

impl OneOrMore {
    pub(super) fn as_slice(&self) -> &[String] {
        match self {
            Self::One(name) => std::slice::from_ref(name),
            Self::More(names) => names,
        }
    }
}
