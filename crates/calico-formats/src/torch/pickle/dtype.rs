use crate::Element;

/// A type of values, by the name that PyTorch gives it.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::torch) struct Dtype {
    pub(in crate::torch) name: &'static str,
    /// What the class of its storages is called, in front of `Storage`, where it has one.
    class: Option<&'static str>,
    /// None where the values are of no type that is read.
    pub(in crate::torch) element: Option<Element>,
}

impl Dtype {
    const fn new(
        name: &'static str,
        class: Option<&'static str>,
        element: Option<Element>,
    ) -> Self {
        Self { name, class, element }
    }

    pub(super) fn named(name: &str) -> Option<&'static Self> {
        DTYPES.iter().find(|dtype| dtype.name == name)
    }

    /// The type of the values in `torch.<class>Storage`.
    pub(super) fn of_storage(class: &str) -> Option<&'static Self> {
        DTYPES.iter().find(|dtype| dtype.class == Some(class))
    }
}

static DTYPES: [Dtype; 22] = [
    Dtype::new("float32", Some("Float"), Some(Element::F32)),
    Dtype::new("float16", Some("Half"), Some(Element::F16)),
    Dtype::new("bfloat16", Some("BFloat16"), Some(Element::Bf16)),
    Dtype::new("float64", Some("Double"), Some(Element::F64)),
    Dtype::new("int64", Some("Long"), Some(Element::Int(8))),
    Dtype::new("int32", Some("Int"), Some(Element::Int(4))),
    Dtype::new("int16", Some("Short"), Some(Element::Int(2))),
    Dtype::new("int8", Some("Char"), Some(Element::Int(1))),
    Dtype::new("uint8", Some("Byte"), Some(Element::Uint(1))),
    Dtype::new("uint16", None, Some(Element::Uint(2))),
    Dtype::new("uint32", None, Some(Element::Uint(4))),
    Dtype::new("uint64", None, Some(Element::Uint(8))),
    Dtype::new("bool", Some("Bool"), Some(Element::Bool)),
    Dtype::new("complex32", None, None),
    Dtype::new("complex64", Some("ComplexFloat"), None),
    Dtype::new("complex128", Some("ComplexDouble"), None),
    Dtype::new("float8_e4m3fn", None, None),
    Dtype::new("float8_e4m3fnuz", None, None),
    Dtype::new("float8_e5m2", None, None),
    Dtype::new("float8_e5m2fnuz", None, None),
    Dtype::new("float8_e8m0fnu", None, None),
    Dtype::new("float4_e2m1fn_x2", None, None),
];
