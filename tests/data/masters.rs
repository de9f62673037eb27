//! Several controllers in memory, and those who use them.

use daffi::{Masters, Node};
use daffi_core::testing::Mesh;

/// Controllers that know nothing of each other.
pub(crate) struct Council {
    pub(crate) meshes: Vec<Mesh>,
}

impl Council {
    pub(crate) async fn of(masters: usize) -> Self {
        let mut meshes = Vec::new();
        for number in 0..masters {
            meshes.push(Mesh::new().seed(number as u64 + 1).await.unwrap());
        }
        Self { meshes }
    }

    /// The nodes by which one client reaches all of them.
    pub(crate) async fn nodes(&self, name: &str) -> Vec<Node> {
        let mut nodes = Vec::new();
        for mesh in &self.meshes {
            nodes.push(mesh.node(name).registry(Vec::new()).await.unwrap());
        }
        nodes
    }

    pub(crate) async fn masters(&self, name: &str) -> Masters {
        Masters::new(&self.nodes(name).await)
    }

    /// Ends the controllers of these numbers, as by `kill -9`.
    pub(crate) async fn kill(&mut self, masters: &[usize]) {
        for master in masters {
            self.meshes[*master].kill_controller().await;
        }
    }

    /// Starts controllers that know nothing in the place of those that were killed, and has the clients come back.
    pub(crate) async fn restart(&mut self, masters: &[usize], clients: &[&str]) {
        for master in masters {
            self.meshes[*master].start_controller().await.unwrap();
            for client in clients {
                self.meshes[*master].connected(client).await.unwrap();
            }
        }
    }

    /// Has a client not reach these masters, and all others.
    pub(crate) fn freeze_only(&self, client: &str, masters: &[usize]) {
        for (number, mesh) in self.meshes.iter().enumerate() {
            if masters.contains(&number) { mesh.freeze(client) } else { mesh.heal(client) }
        }
    }

    pub(crate) async fn settled(&self) {
        self.meshes[0].settled().await;
    }
}

/// Two of five, by chance.
pub(crate) fn two_of_five(random: &mut fastrand::Rng) -> [usize; 2] {
    let one = random.usize(..5);
    [one, (one + random.usize(1..5)) % 5]
}
