    // By the time of a file, which is told by a clock that goes in steps.
    assert!(down(&machine) > first, "half a note is none");
}

#[test]
