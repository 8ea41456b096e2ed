# Several sources of a target in one compilation (CMAKE_UNITY_BUILD, in the optimised presets): most of a
# compiler's time here goes into the headers the sources share. The preset dev compiles each file alone, and so
# shows what one forgot to include.
#
# These stay alone: a name in their anonymous namespace is also another file's, they have a definition of their
# own, or tools/check_core_symbols.sh knows them by name. Add a file here when the compiler says "redefinition"
# only in a unity build.
set(alone
  compiler/emit/cpp/handler_emitter.cc
  discovery/advertiser/announcer.cc
  discovery/browser/browser.cc
  discovery/browser/instance_table.cc
  discovery/browser/node_list.cc
  discovery/browser/node_list_test.cc
  discovery/records/text_record.cc
  examples/intercom/station_test.cc
  examples/intercom/voice_log.cc
  examples/lipsync/track_log.cc
  examples/lipsync/viewing.cc
  runtime/api/known_peers.cc
  runtime/api/trace_file.cc
  runtime/base/task_test.cc
  runtime/config/settings/tracing_settings.cc
  runtime/config/text_reader_test.cc
  runtime/core/frame/protocol_examples_test.cc
  runtime/core/session/event_receiver.cc
  runtime/core/session/held_peer_test.cc
  runtime/plugins/auth_token/peer_names.cc
  runtime/plugins/auth_token/signed_token.cc
  runtime/plugins/auth_token/token_table_test.cc
  runtime/plugins/rate_limit/token_bucket_test.cc
  runtime/timing/clock_estimator_test.cc
  runtime/timing/clock_graph_test.cc
  runtime/timing/clock_model.cc
  runtime/timing/delay_model.cc
  runtime/timing/delay_model_test.cc
  runtime/timing/jitter_buffer_bounds_test.cc
  runtime/timing/jitter_buffer_hostile_test.cc
  runtime/timing/jitter_buffer_test.cc
  runtime/timing/node_clock.cc
  runtime/timing/peer_clock.cc
  runtime/timing/slewed_offset.cc
  runtime/timing/slewed_offset_test.cc
  runtime/timing/sync_group.cc
  runtime/timing/trial_players.cc
  runtime/transport/address_budget_test.cc
  runtime/transport/certificate_names.cc
  runtime/transport/connection_start.cc
  runtime/transport/crypto/address_tokens.cc
  runtime/transport/crypto/address_tokens_test.cc
  runtime/transport/issue_certificate.cc
  runtime/transport/pacer_test.cc
  runtime/transport/peer_parameters_test.cc
  runtime/transport/pem.cc
  runtime/transport/rate_limit_test.cc
  runtime/transport/self_signed.cc
  runtime/transport/send_scheduler_test.cc
  runtime/transport/strike_register_test.cc
  runtime/transport/target_rate.cc
  runtime/transport/ticket_keys.cc
  runtime/transport/ticket_keys_test.cc
  runtime/transport/trust.cc
  tests/api/middleware_test.cc
  tests/hostile/hostile_server_test.cc
  tests/hostile/transport_rules_test.cc
  tests/integration/configured_plugins_test.cc
  tests/integration/networks_test.cc
  tests/plugins/auth_token_test.cc
  tests/sim/failing_new.cc
  tests/sim/node_clock_test.cc
  tests/sim/reconnect_streams_test.cc
  tests/support/seeds.cc
  tests/transport/gtls_resumption_test.cc
  tools/echostream/discovery/announce_command.cc
  tools/echostream/discovery/browse_command.cc
  tools/echostream/discovery/node_text.cc
  tools/echostream/discovery/pair_command.cc
  tools/echostream/recording/cat_command.cc
  tools/echostream/recording/info_command.cc
  tools/echostream/recording/serve_command.cc
  tools/echostream/timing/clock_command.cc
  tools/echostream/timing/exchanges_test.cc
  tools/echostream/timing/jitter_command.cc
  tools/echostream/timing/plot_command.cc
  tools/echostream/timing/record_command.cc
  tools/echostream/timing/trace.cc
  tools/echostream/timing/trace_test.cc)

function(echostream_directories directory result)
  get_property(below DIRECTORY "${directory}" PROPERTY SUBDIRECTORIES)
  set(found "${directory}")
  foreach(one IN LISTS below)
    echostream_directories("${one}" deeper)
    list(APPEND found ${deeper})
  endforeach()
  set(${result} ${found} PARENT_SCOPE)
endfunction()

if(CMAKE_UNITY_BUILD)
  echostream_directories("${PROJECT_SOURCE_DIR}" directories)
  list(TRANSFORM alone PREPEND "${PROJECT_SOURCE_DIR}/")
  foreach(file IN LISTS alone)
    if(NOT EXISTS "${file}")
      message(FATAL_ERROR "cmake/Unity.cmake names ${file}, which is gone: take it off the list")
    endif()
  endforeach()
  set_property(SOURCE ${alone} DIRECTORY ${directories} PROPERTY SKIP_UNITY_BUILD_INCLUSION ON)
endif()
