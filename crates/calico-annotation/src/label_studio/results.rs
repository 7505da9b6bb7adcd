//! The results of one annotation or prediction.

use calico_image::{Rle, Size};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{POLYGON, brush};
use crate::draft::{self, DraftRegion};
use crate::findings::quoted;
use crate::scalar::Scalar;
use crate::segmentation::check_pixels;
use crate::{Findings, Kind, Origin, shape};

/// One result, of whatever type.
#[derive(Deserialize)]
pub(super) struct Entry<'a> {
    #[serde(default)]
    id: Scalar,
    #[serde(default)]
    r#type: Scalar,
    #[serde(default)]
    from_name: Scalar,
    #[serde(borrow, default)]
    value: Option<&'a RawValue>,
    #[serde(default)]
    original_width: Scalar,
    #[serde(default)]
    original_height: Scalar,
    #[serde(default)]
    image_rotation: Scalar,
    #[serde(default, rename = "parentID")]
    parent_id: Scalar,
    #[serde(default)]
    score: Scalar,
    #[serde(borrow, default)]
    meta: Option<&'a RawValue>,
}

/// The label and the shape of a region, in percent of the image's sides.
#[derive(Deserialize)]
struct Value {
    /// They go by the name of the type.
    #[serde(alias = "brushlabels", alias = "polygonlabels", alias = "rectanglelabels")]
    labels: Vec<String>,
    /// Of a brush.
    rle: Option<Vec<u8>>,
    /// Of a polygon.
    points: Option<Vec<[f64; 2]>>,
    /// Of a rectangle, which is turned around its upper left corner.
    x: Option<f64>,
    y: Option<f64>,
    width: Option<f64>,
    height: Option<f64>,
    rotation: Option<f64>,
}

#[derive(Deserialize)]
struct Meta {
    group: Option<u32>,
}

impl Entry<'_> {
    /// Height and width of the image, if the result tells.
    pub(super) fn size(&self) -> Option<Size> {
        Some(Size::new(self.original_height.number()?, self.original_width.number()?))
    }

    /// How messages call it.
    pub(super) fn name(&self) -> String {
        quoted(self.id.as_str())
    }

    /// The region in an image of `size`, or why there is none.
    pub(super) fn region(
        &self,
        size: Size,
        origin: Origin,
        place: &str,
        findings: &mut Findings,
    ) -> Result<DraftRegion, String> {
        let kind = self.r#type.as_str();
        if !matches!(kind, "brushlabels" | "polygonlabels" | "rectanglelabels" | "labels") {
            return Err(format!("the type {} is no labelled mask", quoted(kind)));
        }
        let rotation = self.image_rotation.as_str();
        if !matches!(rotation, "" | "0" | "0.0") {
            return Err(format!("it was drawn on an image turned by {}", quoted(rotation)));
        }
        if self.size().is_some_and(|found| found != size) {
            return Err(format!("it is of another size than the image's {size}"));
        }
        check_pixels(size).map_err(|error| error.to_string())?;
        let mut value: Value = parse(self.value.ok_or("it has no value")?)?;
        if let [first, _, ..] = &*value.labels {
            let (first, count) = (quoted(first), value.labels.len());
            findings.add(format!("{place}: it has {count} labels: only {first} is kept"));
        }
        value.labels.truncate(1);
        let meta = self.meta.and_then(|meta| parse::<Meta>(meta).ok());
        let id = self.id.as_str();
        Ok(DraftRegion {
            key: id.to_owned(),
            number: id.strip_prefix('r').and_then(|number| number.parse().ok()),
            label: value.labels.pop().ok_or("it has no label")?,
            kind: control_kind(self.from_name.as_str(), place, findings),
            parent: self.parent_id.some().map(str::to_owned),
            group: meta.and_then(|meta| meta.group),
            mask: value.mask(size)?,
            score: self.score.as_str().parse().ok(),
            origin,
        })
    }
}

/// The kind whose tool of [`labeling_config`](super::labeling_config) drew a region.
fn control_kind(name: &str, place: &str, findings: &mut Findings) -> Kind {
    let kind = name.strip_suffix(POLYGON).unwrap_or(name);
    draft::kind(kind, &format!("{place}, drawn by the tool {}", quoted(name)), findings)
}

impl Value {
    fn mask(self, size: Size) -> Result<Rle, String> {
        let (x_scale, y_scale) = (f64::from(size.width) / 100.0, f64::from(size.height) / 100.0);
        let corners = if let Some(rle) = self.rle {
            return brush::decode(&rle, size);
        } else if let Some(points) = self.points {
            points.into_iter().map(|[x, y]| [x * x_scale, y * y_scale]).collect()
        } else if let (Some(x), Some(y), Some(width), Some(height)) =
            (self.x, self.y, self.width, self.height)
        {
            let (left, top) = (x * x_scale, y * y_scale);
            let sides = [left, top, width * x_scale, height * y_scale];
            shape::rectangle(sides, self.rotation.unwrap_or_default(), [left, top]).to_vec()
        } else {
            return Err("its value is neither a brush nor a polygon nor a rectangle".to_owned());
        };
        shape::polygon(size, &corners).map_err(|error| error.to_string())
    }
}

fn parse<'a, T: Deserialize<'a>>(value: &'a RawValue) -> Result<T, String> {
    serde_json::from_str(value.get()).map_err(|error| format!("its value cannot be read ({error})"))
}
