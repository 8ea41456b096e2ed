// Made for a program that has more.
extern "C" void what_no_program_has();
extern "C" void use() { what_no_program_has(); }
