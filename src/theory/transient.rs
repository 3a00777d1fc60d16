//! M/M/c before it is steady, and how long to watch it once it is.

use super::answer::{Answer, Refusal};
use super::catalog::{ARRIVAL_RATE, Given, Model, Parameter, SERVERS, SERVICE_MEAN, Unit};
use super::mmc::stable;
use super::numeric::special::Poisson;

/// An M/M/c queue at time `t` after an empty start.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Transient {
    /// Mean number in the system.
    pub in_system_mean: f64,
    /// `P(all servers are busy)`.
    pub busy_probability: f64,
}

/// The M/M/c queue at time `t`, empty at 0; any load. By uniformisation, in positive terms.
///
/// Refuses times so long that more than 1e10 steps would be needed.
pub fn after_empty(
    arrival_rate: f64,
    service_rate: f64,
    servers: u32,
    t: f64,
) -> Result<Transient, Refusal> {
    let c = servers as usize;
    let clock = arrival_rate + service_rate * f64::from(servers);
    let arrivals = Poisson::new(arrival_rate * t);
    let steps = Poisson::new(clock * t);
    let reached = arrivals.first + arrivals.weights.len();
    // From empty the queue never exceeds its stationary law, nor the number of arrivals.
    let ratio = arrival_rate / (service_rate * f64::from(servers));
    let deep = if ratio < 1.0 { (1e-20_f64.ln() / ratio.ln()).ceil() } else { f64::INFINITY };
    let most = reached.min(c.saturating_add(deep.min(1e12) as usize));
    let last = steps.first + steps.weights.len();
    if last as f64 * most as f64 > 1e10 {
        return Err(Refusal(format!(
            "the time {t} is too long to follow step by step: ask for the steady state"
        )));
    }
    let up = arrival_rate / clock;
    let down: Vec<f64> = (0..=most).map(|n| service_rate * n.min(c) as f64 / clock).collect();
    let mut law = vec![0.0; most + 1];
    law[0] = 1.0;
    let mut known = 0;
    let (mut in_system, mut busy) = (0.0, 0.0);
    for step in 0..last {
        if step >= steps.first {
            let weight = steps.weights[step - steps.first];
            let mean: f64 = law[..=known].iter().enumerate().map(|(n, p)| n as f64 * p).sum();
            let all_busy: f64 = law[..=known].iter().skip(c).sum();
            in_system += weight * mean;
            busy += weight * all_busy;
        }
        known = (known + 1).min(most);
        let mut before = 0.0;
        for n in 0..=known {
            let here = law[n];
            let from_above = law.get(n + 1).map_or(0.0, |p| p * down[n + 1]);
            let blocked = if n == most { up } else { 0.0 };
            law[n] = before * up + here * (1.0 - up - down[n] + blocked) + from_above;
            before = here;
        }
    }
    Ok(Transient { in_system_mean: in_system, busy_probability: busy })
}

/// The asymptotic variance of the time average of the number in an M/M/c system:
/// `lim t Var(mean over [0, t])` (Burman 1980, Whitt 1992), and its mean.
///
/// Needs `arrival_rate < servers · service_rate`.
pub fn in_system_variability(
    arrival_rate: f64,
    service_rate: f64,
    servers: u32,
) -> Result<(f64, f64), Refusal> {
    let c = servers as usize;
    let ratio = arrival_rate / (service_rate * f64::from(servers));
    stable(ratio)?;
    let (law, mean) = with_tail(arrival_rate, service_rate, c, ratio);
    // σ² = 2 Σ_j (Σ_{i ≤ j} (i − L) p_i)² / (λ p_j). The inner sum is taken from the side on which
    // all its terms have one sign.
    let mut total = 0.0;
    let mut inner = 0.0;
    for (j, p) in law.iter().enumerate().take(c) {
        if (j as f64) >= mean {
            break;
        }
        inner += (mean - j as f64) * p;
        if *p > 0.0 {
            total += inner * inner / p;
        }
    }
    // Beyond c the law is geometric: Σ_{i > j} (i − L) p_i = p_j (g/(1−g)) (j + 1 − L + g/(1−g)).
    let odds = ratio / (1.0 - ratio);
    let tail = law[c] * odds * (c as f64 + 1.0 - mean + odds);
    let mut inner = tail;
    for j in (0..c).rev() {
        inner += (j as f64 + 1.0 - mean) * law[j + 1];
        if (j as f64) < mean {
            break;
        }
        if law[j] > 0.0 {
            total += inner * inner / law[j];
        }
    }
    // Σ_{k ≥ 0} p_c g^k (odds (d + k))² with d = c + 1 − L + odds.
    let d = c as f64 + 1.0 - mean + odds;
    let (zero, one, two) = (
        1.0 / (1.0 - ratio),
        ratio / (1.0 - ratio).powi(2),
        ratio * (1.0 + ratio) / (1.0 - ratio).powi(3),
    );
    total += law[c] * odds * odds * (d * d * zero + 2.0 * d * one + two);
    Ok((2.0 * total / arrival_rate, mean))
}

/// `P(n)` for `n` up to `c` and the mean number, the tail beyond `c` being geometric.
fn with_tail(arrival_rate: f64, service_rate: f64, c: usize, ratio: f64) -> (Vec<f64>, f64) {
    let mut law =
        super::numeric::chain::birth_death(|_| arrival_rate, |n| service_rate * n as f64, c);
    let total = law.iter().sum::<f64>() + law[c] * ratio / (1.0 - ratio);
    for p in &mut law {
        *p /= total;
    }
    let waiting = law[c] * ratio / (1.0 - ratio).powi(2);
    (law, arrival_rate / service_rate + waiting)
}

/// How long to observe a steady M/M/c system until the 95% interval of the mean number in it is
/// this share of the mean on either side.
///
/// Needs `arrival_rate < servers · service_rate`.
pub fn time_for_precision(
    arrival_rate: f64,
    service_rate: f64,
    servers: u32,
    share: f64,
) -> Result<f64, Refusal> {
    const Z95: f64 = 1.959_963_984_540_054;
    let (variance, mean) = in_system_variability(arrival_rate, service_rate, servers)?;
    Ok((Z95 / (share * mean)).powi(2) * variance)
}

fn transient(given: &Given<'_>) -> Result<Answer, Refusal> {
    let (rate, service_rate) = (given.positive("arrival-rate")?, given.service_rate()?);
    let at = after_empty(rate, service_rate, given.count("servers")?, given.positive("time")?)?;
    Ok(Answer {
        model: "mmc-transient",
        wait_probability: Some(at.busy_probability),
        in_system_mean: Some(at.in_system_mean),
        ..Answer::default()
    })
}

/// After an empty start.
pub(crate) const MMC_TRANSIENT: Model = Model {
    name: "mmc-transient",
    title: "M/M/c after an empty start",
    doc: "Several servers and one queue that were empty at time 0: the mean number in the system \
          and the probability that all servers are busy at a time. Exact, at any load.",
    params: &[
        ARRIVAL_RATE,
        SERVICE_MEAN,
        SERVERS,
        Parameter::required("time", Unit::Time, "time since the empty start"),
    ],
    solve: transient,
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::theory::mmc::Mmc;

    #[test]
    fn after_a_long_time_the_queue_is_steady() {
        let got = after_empty(1.4, 1.0, 2, 400.0).unwrap();
        let want = Mmc::new(1.4, 1.0, 2).unwrap();
        assert!((got.in_system_mean / want.in_system_mean() - 1.0).abs() < 1e-9);
        assert!((got.busy_probability / want.wait_probability() - 1.0).abs() < 1e-9);
    }

    #[test]
    fn one_server_has_the_variability_of_the_formula() {
        for rho in [0.1, 0.5, 0.99, 0.9999] {
            let (got, mean) = in_system_variability(rho, 1.0, 1).unwrap();
            let want = 2.0 * rho * (1.0 + rho) / f64::powi(1.0 - rho, 4);
            assert!((got / want - 1.0).abs() < 1e-9, "{rho}: {got} {want}");
            assert!((mean / (rho / (1.0 - rho)) - 1.0).abs() < 1e-12);
        }
    }

    #[test]
    fn ten_thousand_servers_are_as_safe_as_one() {
        let (variance, mean) = in_system_variability(5_000.0, 1.0, 10_000).unwrap();
        // Almost M/M/∞, where the variance is 2a.
        assert!((variance / 10_000.0 - 1.0).abs() < 1e-9, "{variance}");
        assert!((mean / 5_000.0 - 1.0).abs() < 1e-12);
    }
}
