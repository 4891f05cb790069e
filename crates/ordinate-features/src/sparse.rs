//! Sparse vectors.

/// A sparse vector: indices in ascending order, without repetition, and a value for each.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Sparse {
    /// Where the values are.
    pub index: Vec<u32>,
    /// The values, none of them 0 unless a transformation made it so.
    pub value: Vec<f32>,
}

impl Sparse {
    /// The vector that counts these indices; they may come in any order and more than once.
    #[must_use]
    pub fn counting(mut indices: Vec<u32>) -> Self {
        indices.sort_unstable();
        let mut counted = Self::default();
        for index in indices {
            if counted.index.last() == Some(&index) {
                if let Some(last) = counted.value.last_mut() {
                    *last += 1.0;
                }
            } else {
                counted.index.push(index);
                counted.value.push(1.0);
            }
        }
        counted
    }

    /// Indices and values together.
    pub fn iter(&self) -> impl Iterator<Item = (u32, f32)> + '_ {
        self.index.iter().copied().zip(self.value.iter().copied())
    }

    /// The inner product.
    #[must_use]
    pub fn dot(&self, other: &Self) -> f32 {
        let (mut i, mut j, mut sum) = (0, 0, 0.0);
        while let (Some(a), Some(b)) = (self.index.get(i), other.index.get(j)) {
            if a == b {
                sum += self.value[i] * other.value[j];
            }
            let (a, b) = (*a, *b);
            i += usize::from(a <= b);
            j += usize::from(b <= a);
        }
        sum
    }

    /// The Euclidean length.
    #[must_use]
    pub fn norm(&self) -> f32 {
        self.value.iter().map(|value| value * value).sum::<f32>().sqrt()
    }

    /// The vector folded into `2^bits` dimensions: each index goes to a random place with a random sign, so
    /// that inner products stay what they are in expectation, with an error of about `2^(-bits/2)` of the
    /// two lengths (Weinberger et al. 2009, "Feature Hashing for Large Scale Multitask Learning").
    #[must_use]
    pub fn folded(&self, bits: u8) -> Self {
        let mut dense = vec![0.0; 1 << bits];
        self.fold_into(1.0, &mut dense);
        let mut folded = Self::default();
        for (place, value) in (0..).zip(dense).filter(|(_, value)| *value != 0.0) {
            folded.index.push(place);
            folded.value.push(value);
        }
        folded
    }

    /// Adds `weight` times the [folded](Self::folded) vector to `dense`, whose length is a power of 2.
    pub fn fold_into(&self, weight: f32, dense: &mut [f32]) {
        let mask = dense.len() - 1;
        for (index, value) in self.iter() {
            let hash = ordinate_core::random::mix(u64::from(index));
            let place = hash as usize & mask;
            dense[place] += if hash >> 63 == 0 { weight * value } else { -weight * value };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_and_dots() {
        let a = Sparse::counting(vec![5, 2, 5, 9]);
        assert_eq!(
            (a.index.as_slice(), a.value.as_slice()),
            ([2, 5, 9].as_slice(), [1.0, 2.0, 1.0].as_slice())
        );
        let b = Sparse::counting(vec![5, 9, 9, 11]);
        assert!((a.dot(&b) - 4.0).abs() < 1e-6);
        assert!((a.norm() - 6.0_f32.sqrt()).abs() < 1e-6);
    }

    #[test]
    fn folding_keeps_inner_products() {
        let vectors: Vec<Sparse> = (0..30_u32)
            .map(|v| Sparse::counting((0..400).map(|i| (i * (v + 7)) % 60_000).collect()))
            .collect();
        let mut errors = Vec::new();
        for a in &vectors {
            for b in &vectors {
                let lengths = a.norm() * b.norm();
                errors.push((a.folded(11).dot(&b.folded(11)) - a.dot(b)) / lengths);
            }
        }
        let count = errors.len() as f32;
        let bias = errors.iter().sum::<f32>() / count;
        let spread = (errors.iter().map(|e| e * e).sum::<f32>() / count).sqrt();
        assert!(bias.abs() < 0.01 && spread < 0.04, "bias {bias}, spread {spread}");
    }
}
