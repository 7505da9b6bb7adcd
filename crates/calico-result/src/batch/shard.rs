use std::fmt;
use std::str::FromStr;

/// A part of a batch: of `count` parts, the one with this number. The items are dealt out in
/// turn, so that every part gets its share of what takes long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    number: u32,
    count: u32,
}

impl Default for Shard {
    /// The whole.
    fn default() -> Self {
        Self { number: 1, count: 1 }
    }
}

impl Shard {
    /// Part `number`, from 1, of `count`; `None` if there is no such part.
    pub fn new(number: u32, count: u32) -> Option<Self> {
        (1..=count).contains(&number).then_some(Self { number, count })
    }

    /// Number of the part, from 1.
    pub fn number(self) -> u32 {
        self.number
    }

    /// Number of parts.
    pub fn count(self) -> u32 {
        self.count
    }

    /// Whether it is all there is.
    pub fn is_whole(self) -> bool {
        self.count == 1
    }

    /// Whether the item at `position`, from 0, belongs to this part.
    pub fn has(self, position: usize) -> bool {
        position as u64 % u64::from(self.count) == u64::from(self.number - 1)
    }

    /// A file name of this part: `results.jsonl`, or `results-1-of-4.jsonl`.
    pub(super) fn file_name(self, stem: &str, end: &str) -> String {
        let Self { number, count } = self;
        if self.is_whole() {
            format!("{stem}{end}")
        } else {
            format!("{stem}-{number}-of-{count}{end}")
        }
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.number, self.count)
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let numbers = text.split_once('/').and_then(|(number, count)| {
            Self::new(number.trim().parse().ok()?, count.trim().parse().ok()?)
        });
        numbers.ok_or_else(|| format!("found {text:?}, expected I/N with I from 1 to N, as in 1/4"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_written_from_one() {
        assert_eq!("2/4".parse(), Ok(Shard { number: 2, count: 4 }));
        assert_eq!("1/1".parse(), Ok(Shard::default()));
        for wrong in ["", "2", "0/4", "5/4", "1/0", "-1/4", "1/4/2", "a/b", "1/99999999999"] {
            assert!(wrong.parse::<Shard>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn every_item_belongs_to_one_part() {
        for count in 1..7 {
            for position in 0..20 {
                let parts = (1..=count).filter_map(|number| Shard::new(number, count));
                assert_eq!(parts.filter(|part| part.has(position)).count(), 1);
            }
        }
    }

    #[test]
    fn the_whole_has_plain_names() {
        assert_eq!(Shard::default().file_name("results", ".jsonl"), "results.jsonl");
        let part = Shard::new(2, 4).unwrap_or_default();
        assert_eq!(part.file_name("results", ".jsonl"), "results-2-of-4.jsonl");
    }
}
