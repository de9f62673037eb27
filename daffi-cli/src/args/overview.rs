//! What `daffi help` says.

/// The commands in groups, which clap cannot make by itself.
pub(super) const HELP: &str = "\
{about}

{usage-heading} {usage}

Calls:
  call         Call a callback: wait for it, leave it running, repeat it, or ask every node
  callbacks    What the mesh offers, and declarations of it for your code
  jobs         Calls that run in the background, and their results
  schedules    Calls that are repeated
  serve        Offer a shell command as a callback

Mesh:
  controller   Run a controller
  nodes        Who is connected
  ping         Measure the way to a node and back
  bench        Measure what the mesh does in a second, and how long it takes

Data:
  counter      Named integers in groups, and the global counter
  id           Numbers that are given once and grow
  hash         Maps that all nodes share
  set          Sets that all nodes share
  list         Lists that all nodes share: values at their places
  deque        Lists with two ends, and with a bound if wanted
  multiset     How often values count
  queue        Queues: first in, first out; a command for each message
  pq           Queues that go by priority
  space        Objects with a schema: found by what is in them, changed in one step
  comms        Messages to whoever listens
  event        Events: send them, run a command for each
  lock         Run a command while no other holds the lock
  quota        How many things each user does at a time
  semaphore    Run no more than so many commands at a time
  rate         How often each key may do something
  hll          How many different values there were, without keeping them
  bloom        Which values there were, without keeping them, and some more
  cache        Values that are computed once for all nodes
  data         All that the controller keeps: list, export, import, expire

Setup:
  token        Who may join, and to do what
  explain      What an error code means and what to do
  completions  Print a completion script for your shell
  help         Help on a command

Options:
{options}

Exit codes:
  0 done   1 no   2 usage   3 the callback failed   4 no such callback or node
  5 timeout   6 a broadcast failed in part   69 controller unreachable
  70 a bug   75 outcome unknown   77 not allowed   78 bad configuration
  130 interrupted   141 the reader of the pipe went away
";
