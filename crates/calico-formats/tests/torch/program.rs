//! Writes pickles, instruction by instruction.

/// A pickle that is being written.
#[derive(Clone)]
pub struct Program(Vec<u8>);

/// How a tensor lies in its storage.
pub struct View<'a> {
    pub class: &'a str,
    pub key: &'a str,
    pub len: i64,
    pub offset: i64,
    pub shape: &'a [i64],
    pub strides: &'a [i64],
}

/// Four floats in two rows.
pub const PLAIN: View<'_> =
    View { class: "FloatStorage", key: "0", len: 4, offset: 0, shape: &[2, 2], strides: &[2, 1] };

impl Program {
    pub fn new() -> Self {
        Self(vec![0x80, 2])
    }

    pub fn raw(mut self, instructions: impl AsRef<[u8]>) -> Self {
        self.0.extend(instructions.as_ref());
        self
    }

    pub fn text(self, text: &str) -> Self {
        self.raw(b"X").raw((text.len() as u32).to_le_bytes()).raw(text)
    }

    pub fn int(self, number: i64) -> Self {
        self.raw([0x8a, 8]).raw(number.to_le_bytes())
    }

    pub fn global(self, module: &str, name: &str) -> Self {
        self.raw(format!("c{module}\n{name}\n"))
    }

    pub fn ints(self, numbers: &[i64]) -> Self {
        numbers.iter().fold(self.raw(b"("), |program, &number| program.int(number)).raw(b"t")
    }

    pub fn storage(self, class: &str, key: &str, len: i64) -> Self {
        self.raw(b"(")
            .text("storage")
            .global("torch", class)
            .text(key)
            .text("cpu")
            .int(len)
            .raw("tQ")
    }

    /// A call of the function that tensors are made with.
    pub fn tensor(self, view: &View<'_>) -> Self {
        self.global("torch._utils", "_rebuild_tensor_v2")
            .raw(b"(")
            .storage(view.class, view.key, view.len)
            .int(view.offset)
            .ints(view.shape)
            .ints(view.strides)
            .raw([0x89])
            .global("collections", "OrderedDict")
            .raw(b")RtR")
    }

    pub fn stop(self) -> Vec<u8> {
        self.raw(b".").0
    }

    /// A dict with one tensor.
    pub fn of_tensor(name: &str, view: &View<'_>) -> Vec<u8> {
        Self::new().raw(b"}").text(name).tensor(view).raw(b"s").stop()
    }
}
