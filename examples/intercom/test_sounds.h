// Sounds for the tests of this example, and what can be measured of a sound.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "audio_format.h"

namespace intercom {

Samples tone(double hertz, std::size_t count, double amplitude = 8000);
/// Syllables with a gliding pitch around 120 Hz, two formants, and a pause after each.
Samples syllables(std::size_t count, std::uint32_t seed);
/// White noise with that root of the mean square.
Samples noise(std::size_t count, double level, std::uint32_t seed);
Samples sum(const Samples& one, const Samples& other);

double loudness(std::span<const std::int16_t> sound);
/// The highest difference between two samples in a row.
int steepest_step(std::span<const std::int16_t> sound);
/// By the times when it crosses zero upwards.
double frequency(std::span<const std::int16_t> sound);
/// 1: the same; 0: unrelated.
double likeness(std::span<const std::int16_t> one, std::span<const std::int16_t> other);

}  // namespace intercom
