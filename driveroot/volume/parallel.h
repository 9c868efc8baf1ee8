// SPDX-License-Identifier: Apache-2.0
#ifndef DRIVEROOT_VOLUME_PARALLEL_H_
#define DRIVEROOT_VOLUME_PARALLEL_H_

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <thread>
#include <vector>

namespace driveroot {

// Calls work(0) to work(count - 1), each once, on at most `max_threads` threads
// of which the caller's is one. Returns when all have returned.
template <typename Work>
void ParallelFor(size_t count, size_t max_threads, const Work& work) {
  std::atomic<size_t> next = 0;
  const auto run = [&] {
    for (size_t i = next++; i < count; i = next++) work(i);
  };
  std::vector<std::jthread> threads;
  for (size_t i = 1; i < std::min(count, max_threads); ++i) {
    threads.emplace_back(run);
  }
  run();
}

}  // namespace driveroot

#endif  // DRIVEROOT_VOLUME_PARALLEL_H_
