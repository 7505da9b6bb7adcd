use calico_data::Stream;

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
    let (left, top) = (x * side, y * side);
    if let Some(surface) = owners.lone_surface([left, top])
        && surface.paint.is_smooth()
    {
        let middle = SAMPLES as f32 / 2.0;
        return surface.color([left as f32 + middle, top as f32 + middle]).0;
    }
    let mut sum = [0.0; 3];
    for row in top..top + side {
        for column in left..left + side {
            let surface = owners.surface([column, row]);
            let color = surface.color([column as f32 + 0.5, row as f32 + 0.5]);
            let is_rim = owners.is_border([column, row]);
            let color = if is_rim { scene.light.rimmed(color) } else { color };
            for (sum, channel) in sum.iter_mut().zip(color.0) {
                *sum += channel;
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
