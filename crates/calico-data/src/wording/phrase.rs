/// A label with the regions that it has in the images of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Phrase<'a> {
    /// The label, without an article.
    pub label: &'a str,
    /// The number of its region, by image; as many as there are images.
    pub slots: Vec<Option<u32>>,
}

impl Phrase<'_> {
    /// The images, from 1, that have a region, and its number.
    pub fn segments(&self) -> impl Iterator<Item = (u8, u32)> {
        let numbered = self.slots.iter().zip(1..=u8::MAX);
        numbered.filter_map(|(slot, image)| Some((image, (*slot)?)))
    }
}
