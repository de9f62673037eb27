//! The names of the controller's own callbacks.

macro_rules! builtins {
    ($($variant:ident = $name:literal,)+) => {
        /// A callback of the controller's own.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Builtin {
            $($variant,)+
        }

        impl Builtin {
            pub(super) const ALL: &[Self] = &[$(Self::$variant,)+];

            pub(super) const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }
        }
    };
}

builtins! {
    Ping = "daffi.ping",
    Stats = "daffi.stats",
    Nodes = "daffi.nodes",
    Node = "daffi.node",
    Kick = "daffi.node.kick",
    Callbacks = "daffi.callbacks",
    Signatures = "daffi.signatures",
    WaitNode = "daffi.wait_node",
    WaitCallback = "daffi.wait_callback",
    Presence = "daffi.presence",
    Jobs = "daffi.jobs",
    JobResult = "daffi.job.result",
    JobCancel = "daffi.job.cancel",
    ScheduleCreate = "daffi.schedule.create",
    ScheduleList = "daffi.schedule.list",
    ScheduleShow = "daffi.schedule.show",
    ScheduleCancel = "daffi.schedule.cancel",
    SchedulePause = "daffi.schedule.pause",
    ScheduleResume = "daffi.schedule.resume",
    Objects = "daffi.objects",
    Object = "daffi.object",
    ObjectDestroy = "daffi.object.destroy",
    ObjectExpire = "daffi.object.expire",
    ObjectExport = "daffi.object.export",
    ObjectImport = "daffi.object.import",
    Batch = "daffi.batch",
    Select = "daffi.select",
    Listen = "daffi.listen",
    TokenNew = "daffi.token.new",
    TokenList = "daffi.token.ls",
    TokenRevoke = "daffi.token.revoke",
}
