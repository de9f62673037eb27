//! A description written as one reads it.

use std::fmt;

use super::{Attribute, Options, Schema};
use crate::datatypes::space::types::Type;

/// On one line, in the language in which it is read.
impl fmt::Display for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "space {} key {}", self.name, self.key)?;
        for (at, attribute) in self.attributes.iter().enumerate() {
            f.write_str(if at == 0 { " attributes " } else { ", " })?;
            attribute.fmt(f)?;
        }
        for subspace in &self.subspaces {
            write!(f, " subspace {}", subspace.join(", "))?;
        }
        for index in &self.indices {
            write!(f, " index {index}")?;
        }
        let Options { tolerate, partitions, has_authorization } = self.options;
        if let Some(tolerate) = tolerate {
            write!(f, " tolerate {tolerate} failures")?;
        }
        if let Some(partitions) = partitions {
            write!(f, " create {partitions} partitions")?;
        }
        if has_authorization {
            f.write_str(" with authorization")?;
        }
        Ok(())
    }
}

impl fmt::Display for Attribute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.of {
            Type::String => f.write_str(&self.name),
            of => write!(f, "{of} {}", self.name),
        }
    }
}
