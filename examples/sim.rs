fn main() {
    use rcpolicy::report::timeline::*;
    use rcpolicy::simulate::*;
    let o = Options {
        format: Format::Text(Look {
            color: Color::None,
            charset: Charset::Unicode,
        }),
        seed: 1,
        clients: 3,
        every_ms: 10,
        ways: Way::ALL.to_vec(),
    };
    run(&o, &mut std::io::stdout());
    let o = Options {
        format: Format::Json,
        ..o
    };
    run(&o, &mut std::io::stdout());
}
