//! The patches under a sliding window, one a row: a convolution is their product with the weights (Chellapilla, Puri and Simard
//! 2006). candle's own convolution keeps channels apart in memory, and its gradient goes through slow loops.

use candle_core::{CpuStorage, CustomOp1, Error, Layout, Result, Shape, Tensor};
use rayon::prelude::*;

use super::{read, values};

/// A square window that slides over an image, beyond whose edges there are zeros.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Window {
    /// Pixels of a side.
    pub(crate) side: usize,
    /// Pixels from one place to the next.
    pub(crate) stride: usize,
    /// Pixels beyond each edge that it reaches.
    pub(crate) padding: usize,
}

impl Window {
    /// Places along a side of so many pixels; none where the window does not fit.
    pub(crate) fn places(&self, pixels: usize) -> usize {
        (pixels + 2 * self.padding).checked_sub(self.side).map_or(0, |rest| rest / self.stride.max(1) + 1)
    }
}

/// The patches of images (images x height x width x channels), row by row: places x values of a patch, of which the order is
/// that of the rows, columns and channels of the window.
pub(crate) fn patches(x: &Tensor, window: Window) -> Result<Tensor> {
    x.contiguous()?.apply_op1(Patches { window })
}

struct Patches {
    window: Window,
}

/// The sides of a batch.
struct Sides {
    height: usize,
    width: usize,
    channels: usize,
    rows: usize,
    columns: usize,
}

impl Patches {
    fn sides(&self, dims: &[usize]) -> Result<Sides> {
        let &[_, height, width, channels] = dims else {
            return Err(Error::Msg(format!(
                "patches are of images x height x width x channels, not {dims:?}"
            )));
        };
        let (rows, columns) = (self.window.places(height), self.window.places(width));
        if rows * columns * channels == 0 {
            let side = self.window.side;
            return Err(Error::Msg(format!("a window of {side} pixels does not fit {height} x {width}")));
        }
        Ok(Sides { height, width, channels, rows, columns })
    }

    /// The runs of values that a row of places and the image have in common: where each begins in the patches of that row of
    /// places, where it begins in the image, and how long it is.
    fn runs(&self, sides: &Sides, row: usize, mut visit: impl FnMut(usize, usize, usize)) {
        let Window { side, stride, padding } = self.window;
        let &Sides { height, width, channels, columns, .. } = sides;
        let patch = side * side * channels;
        for down in 0..side {
            let Some(y) = (row * stride + down).checked_sub(padding).filter(|y| *y < height) else {
                continue;
            };
            for column in 0..columns {
                // The part of the window's row that lies within the image.
                let left = column * stride;
                let from = padding.saturating_sub(left);
                let to = side.min((width + padding).saturating_sub(left));
                if from >= to {
                    continue;
                }
                let of_patch = column * patch + (down * side + from) * channels;
                let of_image = (y * width + left + from - padding) * channels;
                visit(of_patch, of_image, (to - from) * channels);
            }
        }
    }
}

impl CustomOp1 for Patches {
    fn name(&self) -> &'static str {
        "patches"
    }

    fn cpu_fwd(&self, x: &CpuStorage, of_x: &Layout) -> Result<(CpuStorage, Shape)> {
        let x = values(self.name(), x, of_x)?;
        let sides = self.sides(of_x.dims())?;
        let Sides { height, width, channels, rows, columns } = sides;
        let patch = self.window.side * self.window.side * channels;
        let image = height * width * channels;
        let images = x.len() / image;
        let mut out = vec![0.0_f32; images * rows * columns * patch];
        out.par_chunks_mut(columns * patch).enumerate().for_each(|(at, out)| {
            let x = &x[at / rows * image..][..image];
            self.runs(&sides, at % rows, |to, from, length| {
                out[to..to + length].copy_from_slice(&x[from..from + length]);
            });
        });
        Ok((CpuStorage::F32(out), (images * rows * columns, patch).into()))
    }

    /// Every pixel gets the sum of the gradients of its places in patches. An image is one thread's, so that the order of
    /// sums is always the same.
    fn bwd(&self, x: &Tensor, _: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        let sides = self.sides(x.dims())?;
        let Sides { height, width, channels, rows, columns } = sides;
        let patch = self.window.side * self.window.side * channels;
        let made = read([grad], |[grad]| {
            let mut out = vec![0.0_f32; x.elem_count()];
            let images = out.par_chunks_mut(height * width * channels);
            images.zip(grad.par_chunks(rows * columns * patch)).for_each(|(out, grad)| {
                for (row, grad) in grad.chunks_exact(columns * patch).enumerate() {
                    self.runs(&sides, row, |from, to, length| {
                        let sums = out[to..to + length].iter_mut().zip(&grad[from..from + length]);
                        sums.for_each(|(sum, value)| *sum += value);
                    });
                }
            });
            out
        })?;
        Ok(Some(Tensor::from_vec(made, x.shape(), x.device())?))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::super::tests::{furthest, random, slopes};
    use super::*;

    /// A convolution as candle has it: images x channels x height x width.
    fn candles(x: &Tensor, weight: &Tensor, window: Window) -> Tensor {
        let x = x.permute((0, 3, 1, 2)).unwrap().contiguous().unwrap();
        let (outputs, channels) = (weight.dim(0).unwrap(), x.dim(1).unwrap());
        let weight = weight.reshape((outputs, window.side, window.side, channels)).unwrap();
        let weight = weight.permute((0, 3, 1, 2)).unwrap().contiguous().unwrap();
        let made = x.conv2d(&weight, window.padding, window.stride, 1, 1).unwrap();
        made.permute((0, 2, 3, 1)).unwrap().contiguous().unwrap()
    }

    fn mine(x: &Tensor, weight: &Tensor, window: Window) -> Tensor {
        let dims = x.dims();
        let (rows, columns) = (window.places(dims[1]), window.places(dims[2]));
        let made = patches(x, window).unwrap().matmul(&weight.t().unwrap()).unwrap();
        made.reshape((dims[0], rows, columns, weight.dim(0).unwrap())).unwrap()
    }

    #[test]
    fn values_and_slopes_are_candles() {
        for (side, stride, padding) in [(3, 1, 1), (3, 2, 1), (1, 2, 0), (7, 2, 3), (2, 2, 0)] {
            let window = Window { side, stride, padding };
            let oblong = [random(&[2, 9, 8, 3]), random(&[4, side * side * 3])];
            let values = [mine(&oblong[0], &oblong[1], window), candles(&oblong[0], &oblong[1], window)];
            assert!(furthest(&values[0], &values[1]) < 1e-4);
            // candle's gradient takes the width for what the height needs, so that it fails where they differ.
            let given = [random(&[2, 9, 9, 3]), oblong[1].clone()];
            let own = slopes(&given, &|x| mine(&x[0], &x[1], window));
            let theirs = slopes(&given, &|x| candles(&x[0], &x[1], window));
            for (own, theirs) in own.iter().zip(&theirs) {
                assert!(furthest(own, theirs) < 1e-3, "{window:?} {}", furthest(own, theirs));
            }
        }
    }

    #[test]
    fn windows_that_do_not_fit_are_refused() {
        let window = Window { side: 5, stride: 1, padding: 0 };
        assert!(patches(&random(&[1, 4, 4, 1]), window).is_err());
        assert!(patches(&random(&[4, 4, 1]), window).is_err());
    }
}
