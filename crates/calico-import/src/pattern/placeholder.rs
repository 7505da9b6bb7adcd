use super::PatternError;

/// A place of a pattern where names differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Placeholder {
    pub(super) name: String,
    /// Whether the other side may do without it.
    pub(super) dropped: bool,
    pub(super) kind: Kind,
}

/// What may stand in the place of a placeholder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// A number without sign and leading zeros.
    Number,
    /// One of several texts, none of which begins another.
    Choice(Vec<String>),
    /// Anything up to the next dot.
    Word,
    /// Anything, dots too.
    Rest,
}

impl Placeholder {
    /// Reads what stands between the braces. `kind_of` knows the kinds of a pattern that this one
    /// belongs to.
    pub(super) fn parse(
        body: &str,
        kind_of: &dyn Fn(&str) -> Option<Kind>,
    ) -> Result<Self, PatternError> {
        let (name, options) = match body.split_once(':') {
            Some((name, options)) => (name, Some(options)),
            None => (body, None),
        };
        let (name, dropped) = match name.strip_prefix('_') {
            Some(name) => (name, true),
            None => (name, false),
        };
        let is_letter = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
        if name.is_empty() || !name.bytes().all(is_letter) {
            return Err(PatternError::Name(body.to_owned()));
        }
        let kind = match (options, kind_of(name)) {
            (_, Some(kind)) => kind,
            (Some(options), None) => Kind::choice(name, options)?,
            (None, None) => Kind::named(name),
        };
        Ok(Self { name: name.to_owned(), dropped, kind })
    }
}

impl Kind {
    /// The kind that a name alone stands for.
    fn named(name: &str) -> Self {
        match name {
            "kind" => Self::Choice(vec!["weight".to_owned(), "bias".to_owned()]),
            "rest" => Self::Rest,
            _ if name.len() == 1 => Self::Number,
            _ => Self::Word,
        }
    }

    fn choice(name: &str, options: &str) -> Result<Self, PatternError> {
        let options: Vec<String> = options.split('|').map(str::to_owned).collect();
        for (at, option) in options.iter().enumerate() {
            let mut others = options.iter().enumerate().filter(|(other, _)| *other != at);
            if let Some((_, longer)) = others.find(|(_, other)| other.starts_with(option.as_str()))
            {
                return Err(PatternError::Options {
                    name: name.to_owned(),
                    short: option.clone(),
                    long: longer.clone(),
                });
            }
        }
        if options.iter().any(String::is_empty) {
            return Err(PatternError::Name(format!("{name}:")));
        }
        Ok(Self::Choice(options))
    }

    /// How many bytes of `name` stand in its place, if `after` is the text that follows.
    pub(super) fn length(&self, name: &str, after: &str) -> Option<usize> {
        let length = match self {
            Self::Number => {
                let digits = name.bytes().take_while(u8::is_ascii_digit).count();
                if digits > 1 && name.starts_with('0') {
                    return None;
                }
                digits
            }
            Self::Choice(options) => {
                options.iter().find(|option| name.starts_with(option.as_str()))?.len()
            }
            Self::Word => name.find('.').unwrap_or(name.len()),
            Self::Rest => name.strip_suffix(after)?.len(),
        };
        (length > 0).then_some(length)
    }
}
