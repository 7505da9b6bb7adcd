use std::fmt;

use crate::{Split, TableFormat};

/// The tables of a data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Table {
    /// Pictures.
    Images,
    /// Masks.
    Regions,
    /// Questions and answers.
    Samples,
}

impl Table {
    /// The name of its folder.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Images => "images",
            Self::Regions => "regions",
            Self::Samples => "samples",
        }
    }

    /// The name of file `part` of `parts`, in the folder of the table.
    pub(crate) fn file_name(
        self,
        split: Split,
        (part, parts): (u64, u64),
        format: TableFormat,
    ) -> String {
        let ending = ending(format);
        match self {
            Self::Images | Self::Regions => format!("{split}.{ending}"),
            Self::Samples => format!("{split}-{part:05}-of-{parts:05}.{ending}"),
        }
    }

    /// What a file name says: its split, its part of how many parts, its format. `None` if the
    /// file is no file of this table.
    pub(crate) fn parse_file_name(self, name: &str) -> Option<(Split, (u64, u64), TableFormat)> {
        let (stem, ending_found) = name.rsplit_once('.')?;
        let format = [TableFormat::Parquet, TableFormat::JsonLines]
            .into_iter()
            .find(|&format| ending(format) == ending_found)?;
        let (split, parts) = match self {
            Self::Images | Self::Regions => (stem, (0, 1)),
            Self::Samples => {
                let (split, numbers) = stem.split_once('-')?;
                let (part, parts) = numbers.split_once("-of-")?;
                (split, (part.parse().ok()?, parts.parse().ok()?))
            }
        };
        let split = Split::ALL.into_iter().find(|known| known.name() == split)?;
        // Other spellings of the same numbers are not our files.
        (self.file_name(split, parts, format) == name).then_some((split, parts, format))
    }
}

impl fmt::Display for Table {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.name())
    }
}

fn ending(format: TableFormat) -> &'static str {
    match format {
        TableFormat::Parquet => "parquet",
        TableFormat::JsonLines => "jsonl",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_name_is_read_as_it_is_written() {
        for table in [Table::Images, Table::Regions, Table::Samples] {
            for format in [TableFormat::Parquet, TableFormat::JsonLines] {
                let parts = if table == Table::Samples { (3, 12) } else { (0, 1) };
                let name = table.file_name(Split::Dev, parts, format);
                assert_eq!(table.parse_file_name(&name), Some((Split::Dev, parts, format)));
            }
        }
        assert_eq!(
            Table::Samples.file_name(Split::Train, (0, 5), TableFormat::Parquet),
            "train-00000-of-00005.parquet"
        );
    }

    #[test]
    fn other_files_are_not_taken_for_a_table() {
        for name in ["train.csv", "valid.parquet", "train-0-of-5.parquet", "train.parquet", "train"]
        {
            assert_eq!(Table::Samples.parse_file_name(name), None, "{name}");
        }
        assert_eq!(Table::Images.parse_file_name("train-00000-of-00001.parquet"), None);
    }
}
