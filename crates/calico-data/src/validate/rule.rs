use std::fmt;

use serde::{Deserialize, Serialize};

/// What must hold in a data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Rule {
    /// Each table can be read to its end, with the columns and types of the format.
    TableReadable,
    /// An image id is given once.
    ImageIdUnique,
    /// An image is in the table of its split.
    ImageSplit,
    /// A file name is a path below the root of its source.
    ImageFileName,
    /// An image has a size within the limits of the build.
    ImageSize,
    /// A hash is 64 hexadecimal digits in lower case.
    ImageHash,
    /// The list of what is seen is sorted, without repetitions.
    SeenSorted,
    /// An image is in one split: by id, by the number in its file name, and by its bytes.
    OneSplit,
    /// Labels of the three sources are those of their vocabulary.
    LabelKnown,
    /// A region id is given once.
    RegionIdUnique,
    /// The image of a region is in the table.
    RegionImage,
    /// An image has one region per object, and one per part of it.
    RegionUnique,
    /// What has a region is in the list of what is seen.
    RegionSeen,
    /// A mask can be decoded.
    MaskDecodes,
    /// A mask has the size of its image.
    MaskSize,
    /// The stored area is that of the mask, and not 0.
    MaskArea,
    /// The stored box is that of the mask.
    MaskBox,
    /// A region is at least as large as the limits of the build.
    RegionArea,
    /// A part takes at least as much of its object as the limits of the build say.
    PartShare,
    /// A sample id is given once.
    SampleIdUnique,
    /// The images of a sample are in the table.
    SampleImages,
    /// The images of a sample are in its split.
    SampleSplit,
    /// A sample shows two or more different images.
    ImagesDiffer,
    /// The images of a sample are of its source.
    SampleSource,
    /// A question shows each image once, in order.
    QuestionImages,
    /// An answer follows the grammar.
    AnswerGrammar,
    /// There is a mask for each `[SEG]`, and an image index for each mask.
    MaskCount,
    /// An image index is the number of an image.
    ImageIndex,
    /// The image of a mask is the one that its `[SEG]` names.
    MaskOrder,
    /// The regions of a sample are in the table.
    SampleRegions,
    /// A region lies in the image that its index names.
    RegionOfImage,
    /// A phrase is the label of its regions, behind an article.
    PhraseLabel,
    /// Regions are of the classes that the sample names.
    ClassLabel,
    /// An answer about common objects names objects that all images show; it says that there is none
    /// only if none is seen in all images.
    CommonObject,
    /// An answer about common parts names parts that all objects have; it says that there is none
    /// only if none is seen on all of them.
    CommonPart,
    /// An answer about unique parts names parts of one image that are not seen in the others; it says
    /// that there is none only if no part is seen in exactly one image.
    UniquePart,
    /// An answer has no more phrases and masks than the limits of the build.
    AnswerSize,
    /// No sample of the test split is ambiguous.
    TestClear,
    /// All cells of the test split that are not empty hold the same number of samples.
    TestBalance,
    /// No image is shown more often than the limits of the build say.
    ImageUses,
    /// The tables hold what `build.json` says.
    BuildCounts,
    /// A picture is where the data set says.
    PictureThere,
    /// A picture can be read.
    PictureReadable,
    /// A picture has the size of its record.
    PictureSize,
    /// A picture has the bytes of its record.
    PictureBytes,
}

impl Rule {
    /// The name in files and messages.
    pub fn name(self) -> String {
        self.to_string()
    }

    /// What to do about a finding.
    pub fn advice(self) -> &'static str {
        match self {
            Self::TableReadable => "copy the file again, or build the data set again",
            Self::ImageIdUnique | Self::RegionIdUnique | Self::SampleIdUnique => {
                "give each row an id of its own, and correct what refers to it"
            }
            Self::ImageSplit | Self::SampleSplit => "keep an image and its samples in one split",
            Self::ImageFileName => "name the file below the root of its source",
            Self::ImageSize | Self::RegionArea | Self::PartShare => {
                "leave the row out, or lower the limit in the configuration and build again"
            }
            Self::ImageHash => "write the SHA-256 of the file, or null",
            Self::SeenSorted => "sort the list and drop repetitions",
            Self::OneSplit => "remove the image from training, never from test",
            Self::LabelKnown => "use the labels of the source's vocabulary",
            Self::RegionImage | Self::SampleImages | Self::SampleRegions => {
                "add the missing row, or remove what refers to it"
            }
            Self::RegionUnique => "join the masks of one label into one region",
            Self::RegionSeen => "add the label to the list of what is seen in the image",
            Self::MaskDecodes | Self::MaskSize => "encode the mask again at the size of its image",
            Self::MaskArea | Self::MaskBox => "measure the mask again",
            Self::ImagesDiffer => "remove the sample",
            Self::SampleSource => "pair images of one source",
            Self::QuestionImages => "show the images as <image> (IMAGE1), <image> (IMAGE2), …",
            Self::AnswerGrammar => "write groups as <p> phrase </p> [SEG] (IMAGE1)",
            Self::MaskCount | Self::MaskOrder | Self::ImageIndex | Self::RegionOfImage => {
                "list the regions in the order of the [SEG] in the answer"
            }
            Self::PhraseLabel | Self::ClassLabel => "write the label of the region",
            Self::CommonObject | Self::CommonPart | Self::UniquePart => {
                "make the sample again from what is annotated"
            }
            Self::AnswerSize => "name fewer parts, the largest first",
            Self::TestClear => "keep ambiguous samples out of the test split",
            Self::TestBalance => "draw the test split again",
            Self::ImageUses => "remove samples that show the image",
            Self::BuildCounts => "build the data set again, or remove build.json",
            Self::PictureThere | Self::PictureReadable => "fetch the picture again",
            Self::PictureSize | Self::PictureBytes => {
                "fetch the picture from where the source says: this is another one"
            }
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The spelling of the files: serde's.
        self.serialize(formatter)
    }
}
