//! Vertical Pod Autoscaler: histograms, estimates, peaks.

use plimsoll::scale::vpa::histogram::{Buckets, DecayingHistogram};
use plimsoll::scale::vpa::{
    Config, MEBIBYTE, MemoryPeaks, PeakChange, amount, confidence, confidence_factor, lower_factor,
    millicores, scale, upper_factor, with_margin,
};
use serde_json::Value;

use super::{Case, Outcome, collect, int, list, near, ns, real};

pub(super) fn check(kind: &str) -> Option<fn(&Case) -> Outcome> {
    Some(match kind {
        "histogram_percentile" => percentiles,
        "confidence" => confidences,
        "margin" => margin,
        "min_resource" => min_resource,
        "pod_minimum" => pod_minimum,
        "oom_bump" => oom_bump,
        "oom_bump_sequence" => oom_bump_sequence,
        "memory_peaks" => memory_peaks,
        "documented_multiplier" => multiplier,
        _ => return None,
    })
}

fn percentiles(case: &Case) -> Outcome {
    let inputs = case.inputs();
    let shape = &inputs["buckets"];
    let number = |keys: &[&str]| {
        keys.iter()
            .find_map(|key| shape[*key].as_f64())
            .ok_or_else(|| format!("no {keys:?} in {shape}"))
    };
    let max = number(&["max", "max_value"])?;
    let buckets = match shape["type"].as_str() {
        Some("linear") => Buckets::Linear { width: number(&["width", "bucket_size"])?, max },
        Some("exponential") => Buckets::Exponential {
            first: number(&["first", "first_bucket_size", "first_width", "width", "start"])?,
            ratio: number(&["ratio", "growth"])?,
            max,
        },
        other => return Err(format!("unknown buckets {other:?}")),
    };
    // A histogram that does not decay is one whose half-life never ends.
    let half_life = inputs["half_life_s"].as_f64().map_or(u64::MAX / 1000, ns);
    let mut histogram = DecayingHistogram::new(buckets, number(&["epsilon"])?, half_life);
    for sample in list(&inputs["samples"]) {
        let value = real(&sample["value"])?;
        let weight = sample["weight"].as_f64().unwrap_or(1.0);
        let at = ns(sample["time_s"].as_f64().unwrap_or(0.0));
        if sample["op"].as_str() == Some("subtract") {
            histogram.subtract(value, weight, at);
        } else {
            histogram.add(value, weight, at);
        }
    }
    for wanted in list(case.wanted("percentiles")) {
        let got = histogram.percentile(real(&wanted["p"])?);
        if !near(got, real(&wanted["value"])?, 1e-9) {
            return Err(format!("expected {wanted}, got {got}"));
        }
    }
    Ok(())
}

/// Compares amounts in the units the cases speak in; both are whole inside.
fn expects_amounts(
    case: &Case,
    of_cpu: impl Fn(i64) -> i64,
    of_memory: impl Fn(i64) -> i64,
) -> Outcome {
    let inputs = case.inputs();
    if let Some(cores) = inputs["base_cpu_cores"].as_f64() {
        let got = of_cpu(millicores(cores));
        case.expects_near("cpu_cores", got as f64 / 1000.0, 1e-9)?;
        case.expects_near("resource_amount", got as f64, 0.0)?;
        case.expects_int("cpu_millicores_each", got)?;
    }
    if let Some(bytes) = inputs["base_memory_bytes"].as_f64() {
        let got = of_memory(amount(bytes));
        case.expects_near("memory_bytes", got as f64, 0.0)?;
        case.expects_int("memory_bytes_each", got)?;
    }
    Ok(())
}

fn confidences(case: &Case) -> Outcome {
    let inputs = case.inputs();
    let samples = int(&inputs["samples"])? as u64;
    let spacing = inputs["spacing_s"].as_f64().unwrap_or(60.0);
    let interval = inputs["interval_s"].as_f64().unwrap_or(86_400.0);
    let lifespan = ns(spacing) * samples.saturating_sub(1);
    let history = confidence(lifespan, samples, ns(interval));
    case.expects_near("confidence", history, 1e-12)?;
    let factor =
        confidence_factor(history, real(&inputs["multiplier"])?, real(&inputs["exponent"])?);
    expects_amounts(case, |base| scale(base, factor), |base| scale(base, factor))
}

fn margin(case: &Case) -> Outcome {
    let margin = real(&case.inputs()["margin"])?;
    expects_amounts(case, |base| with_margin(base, margin), |base| with_margin(base, margin))
}

fn min_resource(case: &Case) -> Outcome {
    let least = |key: &str| case.inputs()[key].as_f64().unwrap_or(0.0);
    let (cpu, memory) = (millicores(least("min_cpu_cores")), amount(least("min_memory_bytes")));
    expects_amounts(case, |base| base.max(cpu), |base| base.max(memory))
}

fn pod_minimum(case: &Case) -> Outcome {
    let inputs = case.inputs();
    let containers = int(&inputs["containers"])? as u32;
    let config = Config {
        pod_min_cpu_millicores: int(&inputs["pod_min_cpu_millicores"])? as u32,
        pod_min_memory_mb: int(&inputs["pod_min_memory_mb"])? as u32,
        ..Config::default()
    };
    let cpu = config.container_min_millicores(containers);
    let memory = config.container_min_bytes(containers);
    expects_amounts(case, |base| base.max(cpu), |base| base.max(memory))
}

const DAY_NS: u64 = 86_400_000_000_000;

fn oom_bump(case: &Case) -> Outcome {
    let (inputs, config) = (case.inputs(), Config::default());
    let mut peaks = MemoryPeaks::new(DAY_NS);
    let last = int(&inputs["last_peak_mib"])?;
    if last > 0 {
        peaks.record(last * MEBIBYTE, 0);
    }
    let at = inputs["windows_later"].as_u64().unwrap_or(0) * DAY_NS;
    peaks.record_oom(&config, int(&inputs["request_mib"])? * MEBIBYTE, at);
    case.expects_int("recorded_peak_mib", peaks.peak() / MEBIBYTE)
}

fn oom_bump_sequence(case: &Case) -> Outcome {
    let mut peaks = MemoryPeaks::new(DAY_NS);
    let got = collect(&case.inputs()["ooms_request_mib"], int)?
        .into_iter()
        .map(|request| {
            peaks.record_oom(&Config::default(), request * MEBIBYTE, 0);
            peaks.peak() / MEBIBYTE
        })
        .collect::<Vec<_>>();
    let wanted = collect(case.wanted("peaks_mib"), int)?;
    if got == wanted { Ok(()) } else { Err(format!("expected {wanted:?}, got {got:?}")) }
}

fn memory_peaks(case: &Case) -> Outcome {
    let inputs = case.inputs();
    let mut peaks = MemoryPeaks::new(ns(real(&inputs["window_s"])?));
    let mut got = Vec::new();
    for sample in list(&inputs["samples"]) {
        for change in peaks.record(int(&sample[1])?, ns(real(&sample[0])?)) {
            let (op, bytes, at) = match change {
                PeakChange::Add(bytes, at) => ("add", bytes, at),
                PeakChange::Subtract(bytes, at) => ("subtract", bytes, at),
            };
            got.push((op.to_owned(), bytes, at));
        }
    }
    let wanted = collect(case.wanted("histogram_ops"), |op: &Value| {
        Ok((op[0].as_str().unwrap_or_default().to_owned(), int(&op[1])?, ns(real(&op[2])?)))
    })?;
    if got == wanted { Ok(()) } else { Err(format!("expected {wanted:?}, got {got:?}")) }
}

fn multiplier(case: &Case) -> Outcome {
    let days = real(&case.inputs()["history_days"])?;
    let upper = case.value["name"].as_str().is_some_and(|name| name.contains("upper"));
    let got = if upper { upper_factor(days) } else { lower_factor(days) };
    // The comments upstream state three decimals, the exact values here four.
    case.expects_near("multiplier", got, 0.5e-3)?;
    case.expects_near("multiplier_approx", got, 0.5e-1)?;
    case.expects_near("exact", got, 0.5e-4)
}
