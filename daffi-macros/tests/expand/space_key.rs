#[derive(Space)]
struct UserLock {
    #[key]
    user: String,
}
