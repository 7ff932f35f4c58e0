//! What files are read as: real ones with known figures, broken ones, hostile ones, and our own.

mod apple;
mod archives;
mod cut_archives;
mod damaged;
mod fit_depth;
mod fit_files;
mod fuzzing;
mod gpx_files;
mod health_archives;
mod hostile;
mod independent;
mod never_panics;
mod oracles;
mod round_trip;
mod samples;
mod samples_table;
mod tcx_files;
