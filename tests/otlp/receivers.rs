//! A collector that is not ours takes our exports: rotel, a real one, where it is installed.
