//! Attention windows: a map of tokens cut into squares and put together again.

use candle_core::{Result, Tensor};

/// Cuts a map into windows, row by row; zeros fill what is missing at the bottom and right.
///
/// The zeros take part in the attention like any other token, as upstream has it.
///
/// # Shapes
/// - `x`: `[B, h, w, D]`
/// - returns: `[B · n, window, window, D]` with `n` windows per map
pub(super) fn split(x: &Tensor, window: usize) -> Result<Tensor> {
    let (batch, height, width, channels) = x.dims4()?;
    let (rows, columns) = (height.div_ceil(window), width.div_ceil(window));
    x.pad_with_zeros(1, 0, rows * window - height)?
        .pad_with_zeros(2, 0, columns * window - width)?
        .reshape(vec![batch, rows, window, columns, window, channels])?
        .permute(vec![0, 1, 3, 2, 4, 5])? // [B, rows, columns, window, window, D]
        .reshape((batch * rows * columns, window, window, channels))
}

/// Puts windows together again and drops what [`split`] added.
///
/// # Shapes
/// - `windows`: `[B · n, window, window, D]`
/// - returns: `[B, h, w, D]`
pub(super) fn join(windows: &Tensor, [height, width]: [usize; 2]) -> Result<Tensor> {
    let (total, window, _, channels) = windows.dims4()?;
    let (rows, columns) = (height.div_ceil(window), width.div_ceil(window));
    let batch = total / (rows * columns);
    windows
        .reshape(vec![batch, rows, columns, window, window, channels])?
        .permute(vec![0, 1, 3, 2, 4, 5])? // [B, rows, window, columns, window, D]
        .reshape((batch, rows * window, columns * window, channels))?
        .narrow(1, 0, height)?
        .narrow(2, 0, width)
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    #[test]
    fn joining_undoes_splitting_for_any_size() {
        for (height, width, window) in [(8, 8, 3), (6, 4, 2), (5, 7, 9), (1, 1, 1)] {
            let len = 2 * height * width * 3;
            let x = Tensor::arange(0f32, len as f32, &Device::Cpu).unwrap();
            let x = x.reshape((2, height, width, 3)).unwrap();
            let windows = split(&x, window).unwrap();
            let back = join(&windows, [height, width]).unwrap();
            let difference = (back - x).unwrap().abs().unwrap().sum_all().unwrap();
            assert!(difference.to_scalar::<f32>().unwrap() < 1e-9);
        }
    }

    #[test]
    fn windows_come_row_by_row_with_zeros_at_the_bottom_and_right() {
        let x = Tensor::arange(1f32, 10.0, &Device::Cpu).unwrap();
        let windows = split(&x.reshape((1, 3, 3, 1)).unwrap(), 2).unwrap();
        let windows = windows.reshape((4, 4)).unwrap().to_vec2::<f32>().unwrap();
        let expected = [
            [1.0, 2.0, 4.0, 5.0],
            [3.0, 0.0, 6.0, 0.0],
            [7.0, 8.0, 0.0, 0.0],
            [9.0, 0.0, 0.0, 0.0],
        ];
        assert_eq!(windows, expected);
    }
}
