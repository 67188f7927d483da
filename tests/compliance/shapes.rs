//! The shapes that links and runlevels come in. Pure.

use crate::case::{Link, LinkKind, Runlevel};

/// What can stand in the `rc?.d` directories, by name.
pub(crate) fn link_shapes() -> Vec<(&'static str, Vec<Link>)> {
    let (s, k, boot) = (Link::start("2"), Link::kill("2"), Link::start("S"));
    vec![
        ("none", vec![]),
        ("S", vec![s.clone()]),
        ("K", vec![k.clone()]),
        ("SS", vec![boot.clone()]),
        ("S and K", vec![s.clone(), k.clone()]),
        ("K and SS", vec![k.clone(), boot.clone()]),
        ("two S", vec![s.clone(), s.clone().prefix("S99")]),
        ("S dangling", vec![s.clone().kind(LinkKind::Dangling)]),
        (
            "S dangling and S",
            vec![s.clone().kind(LinkKind::Dangling), s.clone().prefix("S99")],
        ),
        ("K dangling", vec![k.clone().kind(LinkKind::Dangling)]),
        (
            "SS dangling, K",
            vec![boot.clone().kind(LinkKind::Dangling), k.clone()],
        ),
        ("S a file", vec![s.clone().kind(LinkKind::RegularFile)]),
        (
            "S a plain file",
            vec![s.clone().kind(LinkKind::RegularNotExecutable)],
        ),
        (
            "K a plain file, S",
            vec![k.clone().kind(LinkKind::RegularNotExecutable), s.clone()],
        ),
        ("S a directory", vec![s.clone().kind(LinkKind::Directory)]),
        (
            "K a file, dangling S",
            vec![
                k.kind(LinkKind::RegularFile),
                s.clone().kind(LinkKind::Dangling),
            ],
        ),
        ("S without digits", vec![s.clone().prefix("S")]),
        ("S with three digits", vec![s.clone().prefix("S012")]),
        ("S with a letter", vec![s.prefix("S0x")]),
        ("other level", vec![Link::start("3")]),
        ("K in S", vec![boot.prefix("K01")]),
    ]
}

/// Every source of a runlevel there is.
pub(crate) fn runlevel_sources() -> Vec<Runlevel> {
    let said = [
        ("N 2", 0),
        ("2 5", 0),
        ("N S", 0),
        ("N 0", 0),
        ("2 0", 0),
        ("0 6", 0),
        ("2 6", 0),
        ("unknown", 1),
        ("unknown", 0),
        ("N 2", 1),
        ("2", 0),
        ("N", 0),
        ("", 0),
        ("N 1", 0),
        ("N 3", 0),
    ];
    let mut sources: Vec<Runlevel> = said
        .into_iter()
        .map(|(text, status)| Runlevel::Says(text, status))
        .collect();
    sources.extend([
        Runlevel::Absent,
        Runlevel::NotExecutable,
        Runlevel::Real(None),
    ]);
    let levels = [
        (b'N', b'2'),
        (b'2', b'5'),
        (b'N', b'S'),
        (b'2', b'0'),
        (b'2', b'6'),
    ];
    sources.extend(levels.map(|levels| Runlevel::Real(Some(levels))));
    sources
}
