/*
 * Steering: a BPF program that gives each packet to the queue of the shard that its flow belongs to, by the hash of
 * src/base/shard-hash.ts. Without it the kernel goes by the queue that last sent for the flow, which it remembers for a few
 * thousand flows and for three idle seconds. Put together by hand: a classifier of some 80 instructions needs no compiler.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_tun.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tun.h"

enum { R0, R1, CONTEXT = 6, SOURCE = 7, DESTINATION = 8, TRANSPORT = 9 };
enum { MOST = 160, TCP = 6, FRAGMENT_HEADER = 44, MORE_AND_OFFSET = 0x3fff };

typedef struct program {
  struct bpf_insn code[MOST];
  int length;
  int32_t key, multiplier;
} program;

static int put(program *p, uint8_t code, uint8_t dst, uint8_t src, int16_t off, int32_t imm) {
  p->code[p->length] = (struct bpf_insn){.code = code, .dst_reg = dst, .src_reg = src, .off = off, .imm = imm};
  return p->length++;
}

static void alu(program *p, uint8_t op, uint8_t dst, int32_t imm) {
  put(p, (uint8_t)(BPF_ALU | op | BPF_K), dst, 0, 0, imm);
}

static void alu_reg(program *p, uint8_t op, uint8_t dst, uint8_t src) {
  put(p, (uint8_t)(BPF_ALU | op | BPF_X), dst, src, 0, 0);
}

/* R0 = what stands at `offset` of the packet. A packet too short for it ends the program with 0. */
static void load(program *p, uint8_t size, int32_t offset) {
  put(p, (uint8_t)(BPF_LD | BPF_ABS | size), 0, 0, 0, offset);
}

static int jump_unless_equal(program *p, uint8_t dst, int32_t imm) {
  return put(p, BPF_JMP | BPF_JNE | BPF_K, dst, 0, 0, imm);
}

static void land(program *p, int jump) {
  p->code[jump].off = (int16_t)(p->length - jump - 1);
}

/* dst ^= dst >>> shift */
static void fold(program *p, uint8_t dst, int32_t shift) {
  alu_reg(p, BPF_MOV, R1, dst);
  alu(p, BPF_RSH, R1, shift);
  alu_reg(p, BPF_XOR, dst, R1);
}

/* One round: the word in R0 into the hash in `dst`. */
static void add_word(program *p, uint8_t dst) {
  alu_reg(p, BPF_XOR, dst, R0);
  alu(p, BPF_MUL, dst, p->multiplier);
  fold(p, dst, 15);
}

static void add_address(program *p, uint8_t dst, int32_t offset, int words) {
  alu(p, BPF_MOV, dst, p->key);
  for (int i = 0; i < words; i++) {
    load(p, BPF_W, offset + 4 * i);
    add_word(p, dst);
  }
}

/* The port at `offset` of the transport header, or 0 of a fragment, for which TRANSPORT is 0. */
static void add_port(program *p, uint8_t dst, int32_t offset) {
  alu(p, BPF_MOV, R0, 0);
  int fragment = put(p, BPF_JMP | BPF_JEQ | BPF_K, TRANSPORT, 0, 0, 0);
  put(p, BPF_LD | BPF_IND | BPF_H, 0, TRANSPORT, 0, offset);
  land(p, fragment);
  add_word(p, dst);
}

static void add_flow(program *p, int32_t source, int words) {
  add_address(p, SOURCE, source, words);
  add_address(p, DESTINATION, source + 4 * words, words);
  add_port(p, SOURCE, 0);
  add_port(p, DESTINATION, 2);
  alu_reg(p, BPF_MOV, R0, SOURCE);
  alu_reg(p, BPF_ADD, R0, DESTINATION);
  fold(p, R0, 16);
  alu(p, BPF_MUL, R0, p->multiplier);
  fold(p, R0, 13);
  put(p, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

/* What is no TCP, or can't be told at a glance, goes to queue 0. */
static void give_up(program *p) {
  alu(p, BPF_MOV, R0, 0);
  put(p, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

static void assemble(program *p) {
  put(p, BPF_ALU64 | BPF_MOV | BPF_X, CONTEXT, R1, 0, 0);
  load(p, BPF_B, 0);
  alu_reg(p, BPF_MOV, TRANSPORT, R0);
  alu(p, BPF_RSH, R0, 4);
  int not_v4 = jump_unless_equal(p, R0, 4);
  alu(p, BPF_AND, TRANSPORT, 15);
  alu(p, BPF_LSH, TRANSPORT, 2);
  load(p, BPF_H, 6);
  alu(p, BPF_AND, R0, MORE_AND_OFFSET);
  int whole = put(p, BPF_JMP | BPF_JEQ | BPF_K, R0, 0, 0, 0);
  alu(p, BPF_MOV, TRANSPORT, 0);
  int fragment = put(p, BPF_JMP | BPF_JA, 0, 0, 0, 0);
  land(p, whole);
  load(p, BPF_B, 9);
  int other_v4 = jump_unless_equal(p, R0, TCP);
  land(p, fragment);
  add_flow(p, 12, 1);
  land(p, other_v4);
  give_up(p);
  land(p, not_v4);
  int not_v6 = jump_unless_equal(p, R0, 6);
  alu(p, BPF_MOV, TRANSPORT, 40);
  load(p, BPF_B, 6);
  int tcp = put(p, BPF_JMP | BPF_JEQ | BPF_K, R0, 0, 0, TCP);
  alu(p, BPF_MOV, TRANSPORT, 0);
  int other_v6 = jump_unless_equal(p, R0, FRAGMENT_HEADER);
  land(p, tcp);
  add_flow(p, 8, 4);
  land(p, not_v6);
  land(p, other_v6);
  give_up(p);
}

int tun_steer(tun *t, int32_t key, int32_t multiplier, const char **syscall_name) {
  program p;
  memset(&p, 0, sizeof p);
  p.key = key;
  p.multiplier = multiplier;
  assemble(&p);
  union bpf_attr attributes;
  memset(&attributes, 0, sizeof attributes);
  attributes.prog_type = BPF_PROG_TYPE_SOCKET_FILTER;
  attributes.insn_cnt = (uint32_t)p.length;
  attributes.insns = (uint64_t)(uintptr_t)p.code;
  attributes.license = (uint64_t)(uintptr_t) "MIT";
  *syscall_name = "bpf";
  int program_fd = (int)syscall(SYS_bpf, BPF_PROG_LOAD, &attributes, sizeof attributes);
  if (program_fd < 0) return errno;
  *syscall_name = "TUNSETSTEERINGEBPF";
  int error = ioctl(t->fd, TUNSETSTEERINGEBPF, &program_fd) < 0 ? errno : 0;
  close(program_fd);
  return error;
}
