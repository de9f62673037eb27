#[derive(Space)]
#[space(name = "friends", index(first, views), subspace(first), tolerate = 2, partitions = 64)]
pub(crate) struct Friend {
    /// By which it is found.
    #[key]
    pub(crate) username: String,
    first: String,
    /// How often it was seen.
    views: i64,
    r#type: BTreeSet<String>,
}
