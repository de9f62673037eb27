use daffi::Controller;

async fn ask(controller: &Controller) {
    controller.call("add", (1, 2));
}

fn main() {}
