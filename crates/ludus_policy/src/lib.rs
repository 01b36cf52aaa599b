//! Policy files: a trained network with everything needed to run it.
