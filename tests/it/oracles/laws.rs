//! Laws of service times and gaps, from the names and parameters of the tables.

use serde_json::Value;

use super::tables::Case;

/// Seconds as a scenario writes them, to the nanosecond.
pub(super) fn span(seconds: f64) -> String {
    format!("\"{}ns\"", (seconds * 1e9).round())
}

pub(super) fn exponential(mean: f64) -> String {
    format!("{{ law = \"exponential\", mean = {} }}", span(mean))
}

pub(super) fn constant(value: f64) -> String {
    format!("{{ law = \"constant\", value = {} }}", span(value))
}

/// The service law of a case, with its squared coefficient of variation.
pub(super) fn service(case: &Case) -> Result<(String, f64), String> {
    let (name, params) = (case.word("service"), &case.params["service_params"]);
    let (law, scv) = match given(name, params) {
        Some(found) => found,
        None => named(name, 1.0)?,
    };
    Ok((law, case.number("service_scv").unwrap_or(scv)))
}

/// A law by the parameters that the table gives.
fn given(name: &str, params: &Value) -> Option<(String, f64)> {
    let number = |key: &str| params[key].as_f64();
    let family = name.split(['_', ' ']).next()?;
    Some(match family {
        "h2" => {
            let (p, fast, slow) = (number("p")?, number("rate1")?, number("rate2")?);
            let means = format!("[{}, {}]", span(1.0 / fast), span(1.0 / slow));
            let second = 2.0 * (p / fast.powi(2) + (1.0 - p) / slow.powi(2));
            let mean = p / fast + (1.0 - p) / slow;
            let law = format!(
                "{{ law = \"hyper-exponential\", means = {means}, shares = [{p}, {}] }}",
                1.0 - p
            );
            (law, second / mean.powi(2) - 1.0)
        }
        "lognormal" => {
            let (median, sigma) = (span(number("mu_log")?.exp()), number("sigma_log")?);
            let law = format!("{{ law = \"lognormal\", median = {median}, sigma = {sigma} }}");
            (law, sigma.powi(2).exp_m1())
        }
        "weibull" => {
            let (shape, scale) = (number("shape")?, span(number("scale")?));
            (format!("{{ law = \"weibull\", shape = {shape}, scale = {scale} }}"), 5.0)
        }
        "gamma" => {
            let (shape, scale) = (number("shape")?, span(1.0 / number("rate")?));
            let law = format!("{{ law = \"gamma\", shape = {shape}, scale = {scale} }}");
            (law, 1.0 / shape)
        }
        "pareto" => {
            let (shape, min) = (number("alpha")?, span(number("xm")?));
            (format!("{{ law = \"pareto\", shape = {shape}, min = {min} }}"), 5.0)
        }
        "bounded" => {
            let (shape, min, max) = (number("alpha")?, number("low")?, number("high")?);
            let (min, max) = (span(min), span(max));
            let law = format!(
                "{{ law = \"bounded-pareto\", shape = {shape}, min = {min}, max = {max} }}"
            );
            (law, 10.0)
        }
        "uniform" => {
            let (min, max) = (span(number("low")?), span(number("high")?));
            (format!("{{ law = \"uniform\", min = {min}, max = {max} }}"), 1.0 / 3.0)
        }
        "bimodal" => {
            let numbers = |key: &str| -> Option<Vec<f64>> {
                params[key].as_array()?.iter().map(Value::as_f64).collect()
            };
            let of: Vec<String> = numbers("values")?.into_iter().map(constant).collect();
            let shares = numbers("probs")?;
            let law =
                format!("{{ law = \"mixture\", of = [{}], shares = {shares:?} }}", of.join(", "));
            (law, 2.25)
        }
        _ => return None,
    })
}

/// A law that its name says all about, with its squared coefficient of variation.
pub(super) fn named(name: &str, mean: f64) -> Result<(String, f64), String> {
    let after = |prefix: &str| {
        let digits: String = name
            .strip_prefix(prefix)?
            .chars()
            .take_while(|letter| letter.is_ascii_digit() || *letter == '.')
            .collect();
        digits.parse::<f64>().ok()
    };
    let by_cv = |law: &str, scv: f64| {
        let (mean, cv) = (span(mean), scv.sqrt());
        Ok((format!("{{ law = \"{law}\", mean = {mean}, cv = {cv} }}"), scv))
    };
    match name {
        "deterministic" => return Ok((constant(mean), 0.0)),
        "exponential" => return Ok((exponential(mean), 1.0)),
        "uniform_0_2" => {
            let max = span(2.0 * mean);
            return Ok((format!("{{ law = \"uniform\", min = \"0s\", max = {max} }}"), 1.0 / 3.0));
        }
        _ => {}
    }
    if let Some(stages) = after("erlang") {
        let mean = span(mean);
        let law = format!("{{ law = \"erlang\", mean = {mean}, stages = {stages} }}");
        return Ok((law, 1.0 / stages));
    }
    if let Some(scv) = after("h2_scv") {
        return by_cv("hyper-exponential", scv);
    }
    if let Some(scv) = after("lognormal_scv") {
        return by_cv("lognormal", scv);
    }
    if let Some(shape) = after("gamma_k") {
        return by_cv("gamma", 1.0 / shape);
    }
    Err(format!("the law `{name}` is not known here"))
}
