use std::collections::BTreeMap;

use crate::activation;

/// How many times the mean magnitude a value of a row may be.
const LIMIT: i64 = 12;

/// One of so many values may be an outlier.
const FEW: usize = 64;

/// An activation that is multiplied as it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Outlier {
    /// Its place in the row.
    pub(super) channel: usize,
    /// The activation.
    pub(super) value: f32,
}

/// Most rows of a group.
const ROWS: usize = 8;

/// What the rows of a group keep of one channel; 0 for rows that have a code.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Column {
    pub(super) channel: usize,
    pub(super) values: [f32; ROWS],
}

/// The outliers of the rows of a group, by channel: rows mostly share them, and so the weights that
/// they meet are looked up once.
pub(super) fn columns(rows: &[Vec<Outlier>]) -> Vec<Column> {
    let mut columns: BTreeMap<usize, [f32; ROWS]> = BTreeMap::new();
    for (r, row) in rows.iter().enumerate() {
        for outlier in row {
            columns.entry(outlier.channel).or_default()[r] = outlier.value;
        }
    }
    columns.into_iter().map(|(channel, values)| Column { channel, values }).collect()
}

/// Writes the codes of a row, and returns their scale and the outliers in the order of channels.
///
/// Like [`activation::quantize`] where no value stands out.
#[inline(always)]
pub(super) fn quantize(values: &[f32], codes: &mut [i8]) -> (f32, Vec<Outlier>) {
    let scale = activation::quantize(values, codes);
    match limit_of(codes) {
        Some(limit) => without_outliers(values, codes, scale, limit),
        None => (scale, Vec::new()),
    }
}

/// [`quantize`] for a row whose largest codes are above the limit: a few passes over one row, little
/// beside its products, so all levels share it.
#[cold]
fn without_outliers(
    values: &[f32],
    codes: &mut [i8],
    mut scale: f32,
    first: u8,
) -> (f32, Vec<Outlier>) {
    let mut rest = values.to_vec();
    let mut found = Vec::new();
    let mut above = Some(first);
    while let Some(limit) = above {
        let next: Vec<usize> =
            (0..codes.len()).filter(|&channel| codes[channel].unsigned_abs() > limit).collect();
        if found.len() + next.len() > values.len() / FEW {
            break;
        }
        for channel in next {
            found.push(Outlier { channel, value: rest[channel] });
            rest[channel] = 0.0;
        }
        scale = activation::quantize(&rest, codes);
        above = limit_of(codes);
    }
    found.sort_unstable_by_key(|outlier| outlier.channel);
    (scale, found)
}

/// The magnitude above which codes stand out, if there are any.
#[inline(always)]
fn limit_of(codes: &[i8]) -> Option<u8> {
    if codes.len() < FEW {
        return None;
    }
    let sum: i32 = codes.iter().map(|code| i32::from(code.unsigned_abs())).sum();
    let limit = LIMIT * i64::from(sum) / codes.len() as i64;
    // The peak has the code 127, but for rows that have no codes.
    u8::try_from(limit).ok().filter(|&limit| sum > 0 && limit < 127)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quantized(values: &[f32]) -> (Vec<i8>, f32, Vec<Outlier>) {
        let mut codes = vec![1; values.len()];
        let (scale, outliers) = quantize(values, &mut codes);
        (codes, scale, outliers)
    }

    /// Magnitudes 1 to 4.
    fn even(len: usize) -> Vec<f32> {
        (0..len)
            .map(|i| ((i % 4 + 1) as f32).copysign(if i % 3 == 0 { -1.0 } else { 1.0 }))
            .collect()
    }

    #[test]
    fn even_rows_and_short_ones_have_none() {
        let (_, scale, outliers) = quantized(&even(640));
        assert!(outliers.is_empty() && (scale - 4.0 / 127.0).abs() < 1e-8);
        let mut short = even(63);
        short[7] = 1e6;
        assert!(quantized(&short).2.is_empty());
    }

    #[test]
    fn outliers_are_kept_and_the_rest_has_the_digits() {
        let mut values = even(640);
        for (channel, value) in [(3, -4e3), (100, 300.0), (639, 1e20)] {
            values[channel] = value;
        }
        let (codes, scale, outliers) = quantized(&values);
        let found: Vec<_> = outliers.iter().map(|it| (it.channel, it.value)).collect();
        assert_eq!(found, [(3, -4e3), (100, 300.0), (639, 1e20)]);
        assert!((scale - 4.0 / 127.0).abs() < 1e-8);
        for (channel, (&code, &value)) in codes.iter().zip(&values).enumerate() {
            let is_outlier = found.iter().any(|(of, _)| *of == channel);
            let expected = if is_outlier { 0.0 } else { value };
            assert!((f32::from(code) * scale - expected).abs() <= scale / 2.0);
        }
    }

    #[test]
    fn too_many_stay_among_the_rest() {
        let mut values = even(640);
        values.iter_mut().take(11).for_each(|value| *value = 4e3);
        let (codes, _, outliers) = quantized(&values);
        assert!(outliers.is_empty());
        assert_eq!(codes[..12], [127, 127, 127, 127, 127, 127, 127, 127, 127, 127, 127, 0]);
    }

    #[test]
    fn rows_without_numbers_have_none() {
        let mut values = even(640);
        values[5] = f32::NAN;
        let (codes, scale, outliers) = quantized(&values);
        assert!(scale.is_nan() && outliers.is_empty() && codes.iter().all(|code| *code == 0));
        assert!(quantized(&[0.0; 640]).2.is_empty());
        let mut one = [0.0; 640];
        one[9] = 5.0;
        assert_eq!(quantized(&one).2, [Outlier { channel: 9, value: 5.0 }]);
    }
}
