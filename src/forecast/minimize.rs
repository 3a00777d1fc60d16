//! The downhill simplex of Nelder and Mead, for a handful of smooth parameters.

/// The point that makes `cost` small, starting from `start` with steps of `step`, and its cost.
///
/// *Computer Journal* 7 (1965) 308, with the usual coefficients 1, 2, ½, ½. Stops after `budget`
/// evaluations, or when the costs of the simplex agree within a millionth. A cost that is not a
/// number counts as infinite.
pub(super) fn minimize(
    start: &[f64],
    step: f64,
    budget: usize,
    mut cost: impl FnMut(&[f64]) -> f64,
) -> (Vec<f64>, f64) {
    let n = start.len();
    let mut spent = 0;
    let mut priced = |point: Vec<f64>| {
        spent += 1;
        let price = cost(&point);
        Corner { point, price: if price.is_nan() { f64::INFINITY } else { price }, spent }
    };
    let mut simplex = vec![priced(start.to_vec())];
    for i in 0..n {
        let mut corner = start.to_vec();
        corner[i] += step;
        simplex.push(priced(corner));
    }
    loop {
        simplex.sort_by(|a, b| a.price.total_cmp(&b.price));
        let (best, worst) = (simplex[0].price, simplex[n].price);
        let spent = simplex.iter().map(|corner| corner.spent).max().unwrap_or(0);
        if spent >= budget || worst - best <= 1e-6 * best.abs() {
            let Corner { point, price, .. } = simplex.swap_remove(0);
            return (point, price);
        }
        let centre: Vec<f64> = (0..n)
            .map(|i| simplex[..n].iter().map(|c| c.point[i]).sum::<f64>() / n as f64)
            .collect();
        let beyond = |along: f64, worst: &[f64]| -> Vec<f64> {
            centre.iter().zip(worst).map(|(c, w)| c + along * (c - w)).collect()
        };
        let reflected = priced(beyond(1.0, &simplex[n].point));
        if reflected.price < simplex[0].price {
            let expanded = priced(beyond(2.0, &simplex[n].point));
            simplex[n] = if expanded.price < reflected.price { expanded } else { reflected };
        } else if reflected.price < simplex[n - 1].price {
            simplex[n] = reflected;
        } else {
            let outside = reflected.price < simplex[n].price;
            let contracted = priced(beyond(if outside { 0.5 } else { -0.5 }, &simplex[n].point));
            if contracted.price < reflected.price.min(simplex[n].price) {
                simplex[n] = contracted;
            } else {
                let (best, rest) = simplex.split_first_mut().expect("a simplex has corners");
                for corner in rest {
                    let halfway =
                        corner.point.iter().zip(&best.point).map(|(a, b)| f64::midpoint(*a, *b));
                    *corner = priced(halfway.collect());
                }
            }
        }
    }
}

struct Corner {
    point: Vec<f64>,
    price: f64,
    /// Evaluations up to and with this one.
    spent: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_walks_down_the_banana_valley() {
        let banana = |p: &[f64]| (1.0 - p[0]).powi(2) + 100.0 * (p[1] - p[0] * p[0]).powi(2) + 1.0;
        let (point, price) = minimize(&[-1.2, 1.0], 0.5, 400, banana);
        assert!(price < 1.001, "{point:?} costs {price}");
    }

    #[test]
    fn a_cost_that_is_not_a_number_repels() {
        let root = |p: &[f64]| (p[0].sqrt() - 2.0).powi(2) + 1.0;
        let (point, _) = minimize(&[0.1], -0.2, 100, root);
        assert!((point[0] - 4.0).abs() < 0.1, "{point:?}");
    }
}
