//! Histograms, time-weighted means, intervals, warm-up; knows nothing of servers.
