use daffi::{callback, remote};

struct Store<T>(T);

#[callback]
impl<T: Send> Store<T> {
    pub fn len(&self) -> usize {
        7
    }
}

#[callback]
impl Store<u8> {
    pub fn width(&self) -> usize {
        8
    }
}

struct Fixed<const N: usize>;

#[callback]
impl Fixed<3> {
    pub fn length(&self) -> usize {
        3
    }
}

struct Lent<'a>(&'a str);

#[callback]
impl<'a> Lent<'a> {
    pub fn length(&self) -> usize {
        self.0.len()
    }
}

#[callback]
impl Lent<'_> {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

trait Anything {}

#[callback]
impl dyn Anything {
    pub fn anything(&self) {}
}

struct Plain;

#[callback(name = "plain", timeout = "5s")]
impl Plain {
    pub fn one(&self) {}
}

struct Public;

#[callback]
pub impl Public {
    pub fn one(&self) {}
}

struct Dotted;

#[callback(prefix = "shop.")]
impl Dotted {
    pub fn one(&self) {}

    #[deprecated]
    #[callback(name = "one")]
    pub fn other(&self) {}
}

struct Prefixed;

#[callback(prefix = "two words")]
impl Prefixed {
    pub fn one(&self) {}
}

#[callback]
trait Offers {
    fn one(&self);
}

#[remote]
impl Plain {
    pub fn two(&self) {}
}

fn main() {}
