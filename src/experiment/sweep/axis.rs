//! An axis of a sweep: one field of the scenario with its values, or several that go together.

use std::collections::BTreeSet;

use super::values::Values;
use crate::diagnose::{Origin, Problem, unknown};
use crate::document::{Node, Value};

/// Fields that change together, each with its values.
#[derive(Clone, Debug)]
pub struct Axis {
    /// The fields, in the order they were written.
    pub fields: Vec<Field>,
    /// Where the axis was written.
    pub origin: Origin,
}

/// A field of the scenario and what it is set to.
#[derive(Clone, Debug)]
pub struct Field {
    /// Its dotted path.
    pub path: String,
    /// Its values.
    pub values: Values,
}

impl Axis {
    /// Reads `PATH=VALUES`; several between semicolons go together: `a=1,2; b=x,y`.
    pub fn parse(text: &str, origin: &Origin) -> Result<Self, Problem> {
        let mut fields: Vec<Field> = Vec::new();
        let mut from = 0;
        for part in text.split(';') {
            let place = origin.part(from..from + part.len());
            from += part.len() + 1;
            let Some((path, values)) = part.split_once('=') else {
                return Err(Problem::new(format!(
                    "`{}` is not of the form PATH=VALUES",
                    part.trim()
                ))
                .help("write e.g. `pool.main.servers=4..64:4` or `balancer.policy=a,b`")
                .at(&place));
            };
            let path = path.trim().to_owned();
            if fields.iter().any(|field| field.path == path) {
                let problem = Problem::new(format!("`{path}` stands twice in one axis"));
                return Err(problem.at(&place));
            }
            let values = Values::parse(&path, values, &place)?;
            fields.push(Field { path, values });
        }
        let axis = Self { fields, origin: origin.clone() };
        match axis.repeated() {
            Some(row) => Err(Problem::new(format!(
                "`{row}` stands twice among the values of `{}`",
                axis.name()
            ))
            .help("leave one of them out")
            .at(origin)),
            None => Ok(axis),
        }
    }

    /// The first place that is written out twice; one field of several may well repeat itself.
    fn repeated(&self) -> Option<String> {
        let columns: Vec<Vec<&str>> =
            self.fields.iter().map(|field| field.values.words().collect()).collect();
        let whole = |field: &Field| field.values.words_only();
        if columns.len() > 1 && !self.fields.iter().all(whole) {
            return None;
        }
        let many = columns.iter().map(Vec::len).min().unwrap_or(0);
        let mut seen = BTreeSet::new();
        let row = |at: usize| columns.iter().map(|column| column[at]).collect::<Vec<&str>>();
        (0..many).map(row).find(|row| !seen.insert(row.clone())).map(|row| row.join("; "))
    }

    /// How many places it has; fields that go together must have as many values each.
    pub fn count(&self) -> Result<u64, Problem> {
        let first = &self.fields[0];
        let count = first.values.count().map_err(|problem| problem.at(&self.origin))?;
        for other in &self.fields[1..] {
            let others = other.values.count().map_err(|problem| problem.at(&self.origin))?;
            if others != count {
                return Err(Problem::new(format!(
                    "`{}` has {count} values and `{}` has {others}, but they go together",
                    first.path, other.path
                ))
                .help("give both as many, or write two axes for every combination")
                .at(&self.origin));
            }
        }
        Ok(count)
    }

    /// The path that names the axis.
    pub fn name(&self) -> String {
        let paths: Vec<&str> = self.fields.iter().map(|field| field.path.as_str()).collect();
        paths.join("; ")
    }

    /// Whether it can change which requests there are.
    pub fn changes_traffic(&self) -> bool {
        let room = |field: &Field| field.path.split('.').next().map(str::to_owned);
        let rooms = ["traffic", "seed", "run"];
        self.fields.iter().filter_map(room).any(|room| rooms.contains(&room.as_str()))
    }

    /// Refuses a path into a pool, class, objective or variant that the scenario does not have:
    /// setting it would not change that one but add another.
    pub fn check(&self, document: &Node) -> Result<(), Problem> {
        self.fields.iter().try_for_each(|field| {
            let mut keys = field.path.split('.');
            let (Some(table), Some(name)) = (keys.next(), keys.next()) else { return Ok(()) };
            let what = match table {
                "pool" => "pool",
                "traffic" => "class of traffic",
                "slo" => "objective",
                _ => return Ok(()),
            };
            let names: Vec<String> = match document.get(table).map(|node| &node.value) {
                Some(Value::Table(entries)) => entries.keys().cloned().collect(),
                // A scenario that names no pool has one.
                _ if table == "pool" => vec!["main".to_owned()],
                _ => Vec::new(),
            };
            if name == "*" || names.iter().any(|known| known == name) {
                return Ok(());
            }
            Err(unknown(what, name, &names).at(&self.origin))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axis(text: &str) -> Result<Axis, Problem> {
        let axis = Axis::parse(text, &Origin::whole("--vary", text))?;
        axis.count().map(|_| axis)
    }

    #[test]
    fn fields_that_go_together_are_written_between_semicolons() {
        let axis = axis("pool.a.slots = 2,4; pool.a.price = 0.1/h,0.2/h").unwrap();
        assert_eq!(axis.fields[1].path, "pool.a.price");
        assert_eq!(axis.fields[1].values.nth(1), "0.2/h");
        assert_eq!((axis.count().unwrap(), axis.changes_traffic()), (2, false));
        let again = self::axis("a=1,1,2; b=x,y,y").unwrap();
        assert_eq!(again.count().unwrap(), 3, "a field of several may repeat itself");
    }

    #[test]
    fn what_is_no_axis_is_refused() {
        for (text, words) in [
            ("pool.a.slots", "PATH=VALUES"),
            ("a=1,2; b=1,2,3", "2 values and `b` has 3"),
            ("a=1; a=2", "twice"),
            ("a=8,8", "`8` stands twice"),
            ("a=1,2,1; b=x,x,x", "`1; x` stands twice"),
            ("a=0.1..0.2", "a step"),
        ] {
            assert!(axis(text).unwrap_err().to_string().contains(words), "{text}");
        }
        let document = Node::from_toml("a.toml", "[pool.web]\nservers = 2").unwrap();
        let lost = axis("pool.webb.servers=1,2").unwrap().check(&document).unwrap_err();
        assert!(lost.render(false).contains("did you mean `web`"), "{}", lost.render(false));
    }
}
