//! Categories in an order in which trees can cut them: those that go with the same answers side by side.

/// What the rows are to be told apart by.
#[derive(Debug, Clone, Copy)]
pub(super) enum Response<'a> {
    /// The place of each row's label among so many.
    Labels(&'a [usize], usize),
    /// A number a row.
    Numbers(&'a [f64]),
}

/// Rows that a category is taken to have besides its own, with the answers of all: a rare one stands in the middle.
const PRIOR: f64 = 10.0;
/// Steps of the power iteration.
const STEPS: usize = 50;

/// The place of each of `count` categories in the order; `None` for one without a row. `codes` says the category of each
/// row.
///
/// For numbers and two labels the order is that of the mean answer, in which the best cut into two is a cut in one place
/// (Fisher 1958; Breiman et al. 1984, theorem 4.5). For more labels it is that of the first principal component of the
/// labels' shares (Coppersmith, Hong and Hosking 1999).
pub(super) fn order(codes: &[Option<usize>], count: usize, response: Response<'_>) -> Vec<Option<f64>> {
    let wide = match response {
        Response::Labels(_, labels) => labels,
        Response::Numbers(_) => 1,
    };
    let mut sums = vec![vec![0.0; wide]; count];
    let (mut all, mut sizes, mut total) = (vec![0.0; wide], vec![0.0; count], 0.0);
    for (row, code) in codes.iter().enumerate() {
        let Some(code) = *code else { continue };
        let (at, much) = match response {
            Response::Labels(labels, _) => (labels[row], 1.0),
            Response::Numbers(numbers) => (0, numbers[row]),
        };
        sums[code][at] += much;
        all[at] += much;
        sizes[code] += 1.0;
        total += 1.0;
    }
    // What each category's answers are on average, less what all are.
    for (sums, size) in sums.iter_mut().zip(&sizes) {
        for (sum, all) in sums.iter_mut().zip(&all) {
            let mean = all / f64::max(total, 1.0);
            *sum = (*sum + PRIOR * mean) / (size + PRIOR) - mean;
        }
    }
    let along = component(&sums, &sizes);
    let place = |sums: &[f64]| sums.iter().zip(&along).map(|(sum, by)| sum * by).sum::<f64>();
    let mut sorted: Vec<(f64, usize)> =
        (0..count).filter(|&code| sizes[code] > 0.0).map(|code| (place(&sums[code]), code)).collect();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let mut places = vec![None; count];
    for (place, (_, code)) in sorted.into_iter().enumerate() {
        let place = place as f64;
        places[code] = Some(place);
    }
    places
}

/// The direction in which these vectors, weighted, differ most. It begins with the longest of them, so it is the same
/// every time.
fn component(vectors: &[Vec<f64>], weights: &[f64]) -> Vec<f64> {
    let length = |vector: &[f64]| vector.iter().map(|value| value * value).sum::<f64>().sqrt();
    let longest = vectors.iter().zip(weights).max_by(|a, b| {
        let of = |(vector, weight): (&Vec<f64>, &f64)| length(vector) * weight.sqrt();
        of(*a).total_cmp(&of(*b))
    });
    let mut along = longest.map(|(vector, _)| vector.clone()).unwrap_or_default();
    for _ in 0..STEPS {
        let size = length(&along);
        if size <= f64::MIN_POSITIVE {
            break;
        }
        let mut next = vec![0.0; along.len()];
        for (vector, weight) in vectors.iter().zip(weights) {
            let share: f64 = vector.iter().zip(&along).map(|(a, b)| a * b).sum::<f64>() * weight / size;
            next.iter_mut().zip(vector).for_each(|(next, value)| *next += share * value);
        }
        along = next;
    }
    let size = length(&along).max(f64::MIN_POSITIVE);
    along.iter_mut().for_each(|value| *value /= size);
    along
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Categories that go with the same answers stand side by side; one without rows has no place.
    #[test]
    fn alike_stand_side_by_side() {
        let codes: Vec<Option<usize>> = (0..300).map(|row| (row % 7 != 6).then_some(row % 5)).collect();
        let high = |row: usize| row % 5 == 1 || row % 5 == 3;
        let numbers: Vec<f64> = (0..300).map(|row| if high(row) { 9.0 } else { 1.0 }).collect();
        let labels: Vec<usize> = (0..300).map(|row| usize::from(high(row)) * 2).collect();
        for response in [Response::Numbers(&numbers), Response::Labels(&labels, 3)] {
            let places = order(&codes, 6, response);
            assert_eq!(places[5], None);
            let mut sorted = [0, 1, 2, 3, 4];
            sorted.sort_by(|a, b| places[*a].unwrap().total_cmp(&places[*b].unwrap()));
            let alike = [sorted[3], sorted[4]];
            let other = [sorted[0], sorted[1]];
            let both = |pair: [usize; 2]| pair.contains(&1) && pair.contains(&3);
            assert!(both(alike) || both(other), "{response:?}: {sorted:?}");
        }
    }

    #[test]
    fn nothing_to_tell_apart() {
        assert_eq!(order(&[], 2, Response::Numbers(&[])), vec![None, None]);
        let places = order(&[Some(0), Some(1)], 2, Response::Labels(&[0, 0], 1));
        assert_eq!(places, vec![Some(0.0), Some(1.0)]);
    }
}
