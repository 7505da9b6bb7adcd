//! Writes zip files as PyTorch does, and others that lie.

/// A zip file whose entries are stored as they are.
#[derive(Default)]
pub struct Zip {
    bytes: Vec<u8>,
    headers: Vec<Header>,
}

/// What the directory says about an entry.
pub struct Header {
    pub name: String,
    pub flags: u16,
    pub method: u16,
    pub stored_len: u32,
    pub len: u32,
    pub start: u32,
    pub extra: Vec<u8>,
}

/// What the record at the end says.
pub struct End {
    pub count: u16,
    pub len: u32,
    pub start: u32,
}

impl Zip {
    /// The file around a pickle and the storages of its tensors.
    pub fn of(pickle: &[u8], storages: &[(&str, &[u8])]) -> Self {
        let zip = Self::default().entry("archive/data.pkl", pickle);
        storages
            .iter()
            .fold(zip, |zip, (key, content)| zip.entry(&format!("archive/data/{key}"), content))
    }

    pub fn entry(mut self, name: &str, content: &[u8]) -> Self {
        let len = content.len() as u32;
        let start = self.bytes.len() as u32;
        self.headers.push(Header {
            name: name.to_owned(),
            flags: 0,
            method: 0,
            stored_len: len,
            len,
            start,
            extra: Vec::new(),
        });
        self.bytes.extend(b"PK\x03\x04");
        // Version, flags, method, time, date, check sum.
        self.bytes.extend([0; 14]);
        self.bytes.extend([len, len].map(u32::to_le_bytes).concat());
        self.bytes.extend((name.len() as u16).to_le_bytes());
        // One extra field, as PyTorch adds for alignment.
        self.bytes.extend(7u16.to_le_bytes());
        self.bytes.extend(name.as_bytes());
        self.bytes.extend(b"FB\x03\x00ZZZ");
        self.bytes.extend(content);
        self
    }

    /// Changes what the directory says about the entry that was added last.
    pub fn lie(mut self, change: impl FnOnce(&mut Header)) -> Self {
        change(self.headers.last_mut().unwrap());
        self
    }

    pub fn finish(self) -> Vec<u8> {
        self.finish_with(|_| {})
    }

    /// Changes what the record at the end says.
    pub fn finish_with(self, change: impl FnOnce(&mut End)) -> Vec<u8> {
        let mut end = self.end();
        change(&mut end);
        let (mut bytes, _) = self.with_directory();
        write_end(&mut bytes, &end);
        bytes
    }

    /// With the records for files of any size, which PyTorch writes too.
    pub fn finish_long(self, change: impl FnOnce(&mut [u64; 3])) -> Vec<u8> {
        let end = self.end();
        let mut long = [u64::from(end.count), end.len.into(), end.start.into()];
        change(&mut long);
        let (mut bytes, at) = self.with_directory();
        bytes.extend(b"PK\x06\x06");
        bytes.extend(44u64.to_le_bytes());
        bytes.extend([0; 12]);
        bytes.extend([long[0], long[0], long[1], long[2]].map(u64::to_le_bytes).concat());
        bytes.extend(b"PK\x06\x07\0\0\0\0");
        bytes.extend((at as u64).to_le_bytes());
        bytes.extend(1u32.to_le_bytes());
        write_end(&mut bytes, &End { count: u16::MAX, len: u32::MAX, start: u32::MAX });
        bytes
    }

    fn end(&self) -> End {
        let len = self.headers.iter().map(|it| (46 + it.name.len() + it.extra.len()) as u32).sum();
        End { count: self.headers.len() as u16, len, start: self.bytes.len() as u32 }
    }

    /// The file up to the end of its directory, and how long that is.
    fn with_directory(mut self) -> (Vec<u8>, usize) {
        for it in &self.headers {
            self.bytes.extend(b"PK\x01\x02");
            self.bytes.extend([0; 4]);
            self.bytes.extend([it.flags, it.method].map(u16::to_le_bytes).concat());
            self.bytes.extend([0; 8]);
            self.bytes.extend([it.stored_len, it.len].map(u32::to_le_bytes).concat());
            self.bytes.extend((it.name.len() as u16).to_le_bytes());
            self.bytes.extend((it.extra.len() as u16).to_le_bytes());
            // Comment, disk, attributes.
            self.bytes.extend([0; 10]);
            self.bytes.extend(it.start.to_le_bytes());
            self.bytes.extend(it.name.as_bytes());
            self.bytes.extend(&it.extra);
        }
        let len = self.bytes.len();
        (self.bytes, len)
    }
}

fn write_end(bytes: &mut Vec<u8>, end: &End) {
    bytes.extend(b"PK\x05\x06\0\0\0\0");
    bytes.extend([end.count, end.count].map(u16::to_le_bytes).concat());
    bytes.extend([end.len, end.start].map(u32::to_le_bytes).concat());
    bytes.extend([0; 2]);
}
