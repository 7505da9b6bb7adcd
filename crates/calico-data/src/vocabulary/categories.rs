use std::collections::HashMap;

/// The categories of a source, by the ids and the names that its files use.
#[derive(Debug, Clone)]
pub(crate) struct Categories<T> {
    by_id: HashMap<i64, T>,
    by_name: HashMap<String, T>,
}

impl<T: Copy> Categories<T> {
    /// From ids, names and what they stand for.
    pub(crate) fn new(entries: impl IntoIterator<Item = (i64, String, T)>) -> Self {
        let (mut by_id, mut by_name) = (HashMap::new(), HashMap::new());
        for (id, name, meaning) in entries {
            by_id.insert(id, meaning);
            by_name.insert(name, meaning);
        }
        Self { by_id, by_name }
    }

    /// What an official id stands for.
    pub(crate) fn by_id(&self, id: i64) -> Option<T> {
        self.by_id.get(&id).copied()
    }

    /// The categories of one file, from the ids and names that it lists.
    ///
    /// A file says itself what its ids stand for; one that lists nothing means the official ids.
    pub(crate) fn in_file<'a>(
        &'a self,
        listed: impl IntoIterator<Item = (i64, &'a str)>,
    ) -> FileCategories<T> {
        let mut meanings = HashMap::new();
        for (id, name) in listed {
            let meaning = self.by_name.get(name).copied().ok_or_else(|| name.to_owned());
            meanings.entry(id).or_insert(meaning);
        }
        if meanings.is_empty() {
            meanings.extend(self.by_id.iter().map(|(&id, &meaning)| (id, Ok(meaning))));
        }
        FileCategories(meanings)
    }
}

/// What the category ids of a file stand for; a name that no vocabulary has stands for itself.
#[derive(Debug, Clone)]
pub(crate) struct FileCategories<T>(HashMap<i64, Result<T, String>>);

impl<T: Copy> FileCategories<T> {
    /// What an id stands for, or why nobody knows.
    pub(crate) fn get(&self, id: i64) -> Result<T, String> {
        match self.0.get(&id) {
            Some(Ok(meaning)) => Ok(*meaning),
            Some(Err(name)) => Err(format!(
                "found category {id} with the name `{name}`, expected a name of the vocabulary"
            )),
            None => Err(format!("found category {id}, expected one that the file lists")),
        }
    }
}
