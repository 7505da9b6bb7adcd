use calico_image::{Mask, Size};
use tiny_skia::{Point, Transform};

use super::{Paint, Placed, Rgb, SAMPLES, Scene, ShownObject, ShownPart, cover::Cover};
use crate::SynthError;

/// Who owns each sample of a picture.
pub(super) struct Owners {
    size: Size,
    /// Numbers of surfaces, row by row, [`SAMPLES`] rows and columns per pixel.
    samples: Vec<u32>,
    /// What the numbers mean; number 0 is the ground.
    surfaces: Vec<Surface>,
    /// Objects in the order of the scene.
    objects: Vec<Owner>,
}

/// What a sample can belong to.
pub(super) struct Surface {
    pub(super) paint: Paint,
    /// From samples to the coordinates of the paint.
    inverse: Transform,
    /// Number of the part in the scene, counted from 1; 0 is the backdrop.
    part: u32,
}

impl Surface {
    /// Its colour at a place, in samples.
    pub(super) fn color(&self, [x, y]: [f32; 2]) -> Rgb {
        let mut point = Point::from_xy(x, y);
        self.inverse.map_point(&mut point);
        self.paint.at([point.x, point.y])
    }
}

/// An object's parts: a label and the area without other objects.
struct Owner {
    first: u32,
    parts: Vec<(&'static str, u64)>,
}

impl Owners {
    /// Paints the numbers of all surfaces over one another.
    pub(super) fn of_scene(scene: &Scene) -> Result<Self, SynthError> {
        let samples = (scene.size.pixels() as usize) * (SAMPLES * SAMPLES) as usize;
        let mut owners = Self {
            size: scene.size,
            samples: vec![0; samples],
            surfaces: Vec::new(),
            objects: Vec::new(),
        };
        owners.add_backdrop(scene);
        let mut next = 1;
        for (number, placed) in scene.objects.iter().enumerate() {
            let object = owners.add_object(number, placed, next)?;
            next += object.parts.len() as u32;
            owners.objects.push(object);
        }
        Ok(owners)
    }

    /// The surface in a column and a row of samples.
    pub(super) fn surface(&self, [column, row]: [usize; 2]) -> &Surface {
        &self.surfaces[self.samples[row * self.extent()[0] + column] as usize]
    }

    /// Whether the sample to the right or below belongs to another surface.
    pub(super) fn is_border(&self, [column, row]: [usize; 2]) -> bool {
        let [columns, rows] = self.extent();
        let at = row * columns + column;
        let number = self.samples[at];
        (column + 1 < columns && self.samples[at + 1] != number)
            || (row + 1 < rows && self.samples[at + columns] != number)
    }

    /// The surface that owns a pixel and the samples to the right and below, if there is one;
    /// the pixel is named by its first sample.
    pub(super) fn lone_surface(&self, [left, top]: [usize; 2]) -> Option<&Surface> {
        let side = SAMPLES as usize;
        let [columns, rows] = self.extent();
        let (right, bottom) = ((left + side + 1).min(columns), (top + side + 1).min(rows));
        let number = self.samples[top * columns + left];
        let is_lone = (top..bottom).all(|row| {
            let samples = &self.samples[row * columns..][left..right];
            samples.iter().all(|other| *other == number)
        });
        is_lone.then(|| &self.surfaces[number as usize])
    }

    /// Columns and rows of samples.
    fn extent(&self) -> [usize; 2] {
        [self.size.width, self.size.height].map(|side| (side * SAMPLES) as usize)
    }

    fn add_backdrop(&mut self, scene: &Scene) {
        let extent = self.extent();
        let [across, down] = extent.map(|side| side as f32 / 2.0);
        let transform = Transform::from_row(across, 0.0, 0.0, down, across, down);
        // Sides are positive, so there is an inverse.
        let inverse = transform.invert().unwrap_or_default();
        self.surfaces.push(Surface { paint: scene.backdrop.ground, inverse, part: 0 });
        for (path, paint) in &scene.backdrop.things {
            let number = self.surfaces.len() as u32;
            self.surfaces.push(Surface { paint: *paint, inverse, part: 0 });
            let Some(path) = path.clone().transform(transform) else { continue };
            if let Some(cover) = Cover::of(&path, extent) {
                fill(&mut self.samples, extent[0], &cover, number);
            }
        }
    }

    /// Paints an object whose first part has the number `first`.
    fn add_object(
        &mut self,
        object: usize,
        placed: &Placed,
        first: u32,
    ) -> Result<Owner, SynthError> {
        let scale = SAMPLES as f32;
        let transform = placed.transform.post_scale(scale, scale);
        let inverse = transform.invert().filter(Transform::is_finite);
        let inverse = inverse.ok_or(SynthError::Flat { object })?;
        let extent = self.extent();
        let mut alone = vec![0; self.samples.len()];
        for piece in &placed.figure.pieces {
            let at = placed.paints.iter().position(|(part, _)| *part == piece.part);
            let at = at.ok_or(SynthError::Unpainted { object, part: piece.part })?;
            let number = self.surfaces.len() as u32;
            let paint = placed.paints[at].1;
            self.surfaces.push(Surface { paint, inverse, part: first + at as u32 });
            let Some(path) = piece.path.clone().transform(transform) else { continue };
            if let Some(cover) = Cover::of(&path, extent) {
                fill(&mut alone, extent[0], &cover, number);
            }
        }
        let mut areas = vec![0; placed.paints.len()];
        self.each_pixel(&alone, |_, part| {
            if part > 0 {
                areas[(part - first) as usize] += 1;
            }
        });
        for (sample, number) in self.samples.iter_mut().zip(alone).filter(|(_, new)| *new > 0) {
            *sample = number;
        }
        let labels = placed.paints.iter().map(|(part, _)| *part);
        Ok(Owner { first, parts: labels.zip(areas).collect() })
    }

    /// Calls `see` with the position and the part of each pixel; 0 is no part.
    fn each_pixel(&self, samples: &[u32], mut see: impl FnMut(usize, u32)) {
        let (width, side) = (self.size.width as usize, SAMPLES as usize);
        let extent = self.extent()[0];
        let rows = samples.chunks_exact(extent * side);
        for (y, rows) in rows.enumerate() {
            for x in 0..width {
                let block = std::array::from_fn(|sample| {
                    let at = sample / side * extent + x * side + sample % side;
                    self.surfaces[rows[at] as usize].part
                });
                see(y * width + x, most(block));
            }
        }
    }

    /// The masks of all objects and parts.
    pub(super) fn shown(&self) -> Result<Vec<ShownObject>, SynthError> {
        let mut pixels = vec![0; self.size.pixels() as usize];
        self.each_pixel(&self.samples, |at, part| pixels[at] = part);
        self.objects.iter().map(|owner| self.shown_object(owner, &pixels)).collect()
    }

    fn shown_object(&self, owner: &Owner, pixels: &[u32]) -> Result<ShownObject, SynthError> {
        let mask = |numbers: std::ops::Range<u32>| {
            Mask::new(self.size, pixels.iter().map(|part| numbers.contains(part)).collect())
        };
        let mut parts = Vec::with_capacity(owner.parts.len());
        for (number, (part, whole)) in (owner.first..).zip(&owner.parts) {
            let mask = mask(number..number + 1)?;
            let area = mask.area();
            // Among many owners a part can win a pixel that it would lose in its own object.
            parts.push(ShownPart { part, mask, area, whole: area.max(*whole) });
        }
        let mask = mask(owner.first..owner.first + owner.parts.len() as u32)?;
        let area = mask.area();
        let whole = parts.iter().map(|part| part.whole).sum();
        Ok(ShownObject { mask, area, whole, parts })
    }
}

/// Writes a number to all samples of a cover.
fn fill(samples: &mut [u32], width: usize, cover: &Cover, number: u32) {
    for (row, left, covered) in cover.rows() {
        let start = row * width + left;
        for (sample, covered) in samples[start..].iter_mut().zip(covered) {
            if *covered > 0 {
                *sample = number;
            }
        }
    }
}

/// The part that owns the most samples of a pixel.
///
/// Of equal ones the lowest number wins; the backdrop, 0, loses to all of them.
fn most(block: [u32; (SAMPLES * SAMPLES) as usize]) -> u32 {
    let [first, rest @ ..] = block;
    if rest.iter().all(|part| *part == first) {
        return first;
    }
    let count = |part: u32| block.iter().filter(|other| **other == part).count();
    let rank = |part: &u32| (count(*part), std::cmp::Reverse(part.wrapping_sub(1)));
    block.into_iter().max_by_key(rank).unwrap_or(first)
}
