use calico_data::Stream;
use tiny_skia::Point;

use super::{SAMPLES, Scene, owners::Owners};

/// The bytes of a scene's picture, shape `[height, width, 3]`.
pub(super) fn pixels(scene: &Scene, owners: &Owners) -> Vec<u8> {
    let (height, width) = (scene.size.height as usize, scene.size.width as usize);
    let mut bytes = Vec::with_capacity(height * width * 3);
    let mut noise = Noise::new(scene);
    for y in 0..height {
        for x in 0..width {
            let place = [x as f32 / width as f32, y as f32 / height as f32];
            let light = scene.light.at(place.map(|share| share * 2.0 - 1.0));
            let color = pixel(scene, owners, [x, y]);
            let noise = noise.next();
            for channel in 0..3 {
                let value = color[channel] * light[channel] + noise[channel];
                // Casts saturate: what is too bright is white.
                bytes.push((value * 255.0 + 0.5) as u8);
            }
        }
    }
    bytes
}

/// The mean colour of the samples of a pixel, without light.
fn pixel(scene: &Scene, owners: &Owners, [x, y]: [usize; 2]) -> [f32; 3] {
    let side = SAMPLES as usize;
    let [columns, rows] = owners.extent();
    let samples = owners.samples();
    let mut sum = [0.0; 3];
    for row in y * side..(y + 1) * side {
        for column in x * side..(x + 1) * side {
            let at = row * columns + column;
            let number = samples[at];
            let right = column + 1 < columns && samples[at + 1] != number;
            let below = row + 1 < rows && samples[at + columns] != number;
            let surface = &owners.surfaces[number as usize];
            let mut point = Point::from_xy(column as f32 + 0.5, row as f32 + 0.5);
            surface.inverse.map_point(&mut point);
            let color = surface.paint.at([point.x, point.y]);
            let factor = if right || below { 1.0 - scene.light.rim } else { 1.0 };
            for (sum, channel) in sum.iter_mut().zip(color.0) {
                *sum += channel * factor;
            }
        }
    }
    sum.map(|sum| sum / (side * side) as f32)
}

/// The noise of a camera, three numbers per pixel.
struct Noise {
    stream: Stream,
    scale: f32,
}

impl Noise {
    /// Standard deviation of the sum of five numbers of four bits.
    const DEVIATION: f32 = 10.307_764;
    /// Mean of that sum.
    const MEAN: f32 = 37.5;

    fn new(scene: &Scene) -> Self {
        let stream = Stream::new(scene.noise_seed, "camera noise", "");
        Self { stream, scale: scene.light.noise / Self::DEVIATION }
    }

    /// Nearly normal numbers: a word has three sums of five numbers of four bits.
    fn next(&mut self) -> [f32; 3] {
        let bits = self.stream.bits();
        std::array::from_fn(|channel| {
            let part = bits >> (20 * channel);
            let sum: u64 = (0..5).map(|number| (part >> (4 * number)) & 15).sum();
            (sum as f32 - Self::MEAN) * self.scale
        })
    }
}
