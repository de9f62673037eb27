#[synchronize(key = "printer", auto_release_time = "15s", blocking = false, renew = false)]
async fn print(&self, guard: &RedlockGuard, page: u32) -> Result<u64, Refused> {
    if guard.is_lost() {
        return Err(Refused);
    }
    self.take(page, guard.fencing_token()).await
}
