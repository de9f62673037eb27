#[callback(hosted = "board")]
impl Board {
    /// Pins a note, and says how many there are.
    pub fn pin(&mut self, turn: &mut Turn<'_>, note: String) -> Result<u64, Full> {
        self.put(turn, note)
    }

    /// Takes the first note.
    #[callback(shrink, line = 1, name = "take")]
    pub fn take_first(&mut self) -> Poll<Result<String, Full>> {
        self.next()
    }

    #[callback(line_of = "author")]
    pub fn next_of(&mut self, turn: &mut Turn<'_>, seen: u64, author: &str) -> Poll<String> {
        self.of(turn, seen, author)
    }

    pub fn notes(&self, turn: &Turn<'_>) -> Vec<String> {
        self.all(turn)
    }

    #[cfg(feature = "shouts")]
    pub fn shout(&self, turn: &mut Turn<'_>, text: Value) {
        turn.publish("", text);
    }

    #[local]
    pub fn here(&self) {}

    fn put(&mut self, turn: &mut Turn<'_>, note: String) -> Result<u64, Full> {
        todo(note)
    }
}
